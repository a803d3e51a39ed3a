// The page: keyboard, remembered choices, and the line to the server while a page of the console is open.
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], [role=dialog]");
const pressKey = (key) => document.querySelector(`.st-key-${key} button`)?.click();

function onKey(event) {
  if (!shared.page || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (shared.chord) {
    shared.chord = false;
    const slug = shared.jumps?.[event.key];
    if (slug !== undefined) return tell("go", slug);
  }
  const search = document.querySelector(".st-key-oc_search input");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "r") pressKey("oc_refresh");
  else if (event.key === "?") tell("act", { name: "help", target: "" });
  else if (event.key === "g") {
    shared.chord = true;
    setTimeout(() => (shared.chord = false), 1500);
  }
}

// Once per window: a page that is drawn anew, or gives way to another, leaves no moment in which nobody listens.
function listen() {
  if (shared.listening) return;
  shared.listening = true;
  document.addEventListener("pointerdown", onDown, true);
  document.addEventListener("pointerup", onUp, true);
  document.addEventListener("pointercancel", release, true);
  document.addEventListener("click", onClick);
  document.addEventListener("focusin", onFocus);
  document.addEventListener("keydown", onKey);
  document.documentElement.classList.add("oc-ready"); // buttons take presses from here on
}

// Dialogs and the drawer lie beside the app in the document, where Streamlit does not say which theme is on.
function followTheme() {
  const app = document.querySelector(".stApp");
  document.documentElement.style.colorScheme = app ? getComputedStyle(app).colorScheme : "";
}

function remember(choices) {
  const framed = window.self !== window.top && location.protocol === "https:"; // perhaps in another site's frame
  const scope = framed ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
  document.cookie = `octostar_console=${choices}; path=/; max-age=31536000; ${scope}`;
}

// Streamlit sends what several components say at the same moment as one message, to the fragment of one of them, and
// what the others said is lost. So each press has a number and is said again until the server has heard it.
const AGAIN_MS = 700;
const TIMES = 6;
const atRest = () => document.querySelector(".stApp")?.dataset.testScriptState !== "running";

function say(page, name, value) {
  const number = (shared.presses = (shared.presses ?? 0) + 1);
  shared.unheard = { name, value: { ...value, number }, left: TIMES };
  page.send(name, shared.unheard.value);
  clearInterval(shared.repeating);
  shared.repeating = setInterval(repeat, AGAIN_MS);
}

function repeat() {
  const unheard = shared.unheard;
  if (!unheard || unheard.left <= 0) return clearInterval(shared.repeating);
  if (!shared.page || !atRest()) return undefined;
  unheard.left -= 1;
  return shared.page.send(unheard.name, unheard.value);
}

function heard(number) {
  if (shared.unheard && number >= shared.unheard.value.number) shared.unheard = null;
}

export default function (component) {
  const { data, setTriggerValue } = component;
  const page = {
    send: setTriggerValue,
    go: (href) => say(page, "go", { href }),
    act: (what) => say(page, "act", what),
  };
  shared.stop?.();
  heard(data.heard);
  shared.page = page;
  shared.times = data.times;
  shared.jumps = data.jumps;
  shared.offset = data.now - Date.now() / 1000;
  remember(data.remember);
  const watch = new MutationObserver(() => {
    tick();
    keepFocus();
  });
  watch.observe(document.querySelector(".stMain") ?? document.body, { childList: true, subtree: true });
  const timer = setInterval(() => {
    tick();
    followTheme();
  }, 1000);
  // Streamlit may call this for an earlier drawing after a later one has begun: each stops only itself
  const stop = () => {
    watch.disconnect();
    clearInterval(timer);
    if (shared.page === page) {
      shared.page = null;
      document.documentElement.style.colorScheme = "";
    }
    if (shared.stop === stop) shared.stop = null;
  };
  shared.stop = stop;
  listen();
  followTheme();
  tick();
  document.dispatchEvent(new Event("octostar-console-ready"));
  toldLate();
  return stop;
}
