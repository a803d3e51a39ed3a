// The desktop itself: joins the channel and the world, and lets a person act as its user.
const $ = (selector) => document.querySelector(selector);
const LOG_LIMIT = 300;

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return made;
}

const subscribed = new Set();
let seen = 0;

// what a reply answers is told by its address, which the app makes from the call's name
const shortened = (topic) =>
  topic.replace(/octostar:(desktop:)?/, "").replace(/-once-[\d.e-]+$/, " (reply)");

function record(way, topic, payload, bad = false) {
  seen += 1;
  const line = element("li", undefined, { class: `${way}${bad ? " bad" : ""}`, "data-topic": topic });
  const head = element("div", undefined, { class: "topic" });
  head.append(
    element("span", way === "in" ? "app →" : "→ app", { class: "way" }),
    element("b", shortened(topic), { title: topic }),
    element("time", new Date().toLocaleTimeString([], { hour12: false })),
  );
  line.append(head);
  const text = payload === undefined ? "" : JSON.stringify(payload);
  if (text) line.append(element("code", text.length > 2000 ? `${text.slice(0, 2000)}…` : text));
  const list = $("#messages");
  list.prepend(line);
  while (list.children.length > LOG_LIMIT) list.lastChild.remove();
  $("#count").textContent = seen > LOG_LIMIT ? `newest ${LOG_LIMIT} of ${seen}` : String(seen);
  applyFilter(line);
}

function applyFilter(line) {
  line.hidden = !line.textContent.toLowerCase().includes($("#filter").value.toLowerCase());
}

function send(topic, body) {
  const delivered = channel.send({ to: topic, ...body });
  record("out", topic, body.exception ?? body.data ?? null, Boolean(body.exception) || !delivered);
}

function announce(topic, value) {
  if (subscribed.has(topic)) send(topic, { data: value });
  draw();
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function replyMode(topic) {
  const form = new FormData($("#replies"));
  const only = form.get("only").trim().toLowerCase();
  const mode = !only || topic.toLowerCase().includes(only) ? form.get("mode") : "now";
  return { mode, delay: Number(form.get("delay")) || 0 };
}

async function answer(topic, args) {
  const { mode, delay } = replyMode(topic);
  if (mode === "never") return null;
  if (mode === "late") await pause(delay);
  if (mode === "error") return { exception: { name: "DesktopError", message: `The desktop was told to fail ${topic}.` } };
  if (mode === "nothing") return { data: null };
  try {
    return { data: (await world.call(topic, args)) ?? null };
  } catch (problem) {
    return { exception: { name: problem.name, message: problem.message } };
  }
}

async function heard(message) {
  if (message.call) {
    record("in", message.call, message.arguments);
    const reply = await answer(message.call, message.arguments ?? []);
    if (reply && message.replyTo && message.replyTo !== "/dev/null") send(message.replyTo, reply);
  } else if (message.subscribe) {
    record("in", `subscribe ${message.subscribe}`);
    subscribed.add(message.subscribe);
    const value = world.current(message.subscribe);
    const { mode, delay } = replyMode(message.subscribe);
    if (value === undefined || mode === "never") return;
    if (mode === "late") await pause(delay);
    if (mode === "error") send(message.subscribe, { exception: { name: "DesktopError", message: "The desktop was told to fail." } });
    else send(message.subscribe, { data: mode === "nothing" ? null : value });
  } else if (message.unsubscribe) {
    record("in", `unsubscribe ${message.unsubscribe}`);
    subscribed.delete(message.unsubscribe);
  } else if (message.emit) {
    record("in", `emit ${message.emit}`, message.arguments);
  }
}

// What the app may show or ask

function notification({ title, message, text, description, level, type }) {
  const note = element("div", undefined, { "data-level": level ?? type ?? "info" });
  if (title) note.append(element("strong", title));
  note.append(element("span", message ?? text ?? description ?? (title ? "" : "Notification")));
  $("#notifications").append(note);
  while ($("#notifications").children.length > 4) $("#notifications").firstChild.remove();
  setTimeout(() => note.remove(), 8000);
  return true;
}

function decided(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "cancel";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
    dialog.showModal();
  });
}

let asking = Promise.resolve(); // questions are put one after another

function oneAtATime(question) {
  const asked = asking.then(question);
  asking = asked.catch(() => undefined);
  return asked;
}

const confirmed = ({ title, message, text, content }) =>
  oneAtATime(() => {
    $("#confirm h2").textContent = title ?? "Please confirm";
    $("#confirm p").textContent = message ?? text ?? content ?? "";
    return decided($("#confirm"));
  });

const searched = (items) =>
  oneAtATime(async () => {
    const list = $("#search ul");
    list.replaceChildren(
      ...items.map((item) => {
        const row = element("li");
        const label = element("label");
        label.append(element("input", undefined, { type: "checkbox", value: item.os_entity_uid }), item.entity_label);
        row.append(label);
        return row;
      }),
    );
    if (!(await decided($("#search")))) return [];
    const chosen = [...list.querySelectorAll("input:checked")].map((box) => box.value);
    return items.filter((item) => chosen.includes(item.os_entity_uid));
  });

const tabs = [];
let currentTab = null;

function tab(properties) {
  const made = { title: properties.title ?? properties.name ?? properties.app ?? "Tab", properties };
  tabs.push(made);
  while (tabs.length > 8) tabs.shift();
  currentTab = made;
  draw();
  return true;
}

// Drawing and acting

function drawTabs() {
  const button = (title, shown, act) => {
    const made = element("button", title, { type: "button", ...(shown ? { "aria-current": "page" } : {}) });
    made.addEventListener("click", act);
    return made;
  };
  const go = (to) => () => { currentTab = to; draw(); };
  $("#tabs").replaceChildren(
    ...(tabs.length ? [button("App", currentTab === null, go(null))] : []),
    ...tabs.map((each) => button(each.title, each === currentTab, go(each))),
  );
  $("#tab-page").hidden = currentTab === null;
  if (currentTab) {
    const close = element("button", "Close this tab", { type: "button" });
    close.addEventListener("click", () => { tabs.splice(tabs.indexOf(currentTab), 1); currentTab = null; draw(); });
    $("#tab-page").replaceChildren(
      element("h2", currentTab.title),
      element("p", "The app asked the desktop to open this tab:"),
      element("pre", JSON.stringify(currentTab.properties, null, 2)),
      close,
    );
  }
}

function drawWorkspaces() {
  $("#workspaces").replaceChildren(
    ...world.workspaces.map((workspace) => {
      const id = workspace.os_entity_uid;
      const row = element("li");
      const label = element("label");
      const box = element("input", undefined, { type: "checkbox", "aria-label": `${workspace.os_item_name} is open` });
      box.checked = world.open.includes(id);
      box.addEventListener("change", () =>
        world.setOpen(box.checked ? [...world.open, id] : world.open.filter((open) => open !== id)));
      label.append(box, `${workspace.os_item_name} · ${id}`);
      const rename = element("button", "Rename", { type: "button" });
      rename.addEventListener("click", () => {
        const name = prompt("New name", workspace.os_item_name);
        if (name) world.rename(id, name);
      });
      row.append(label, rename);
      return row;
    }),
  );
}

function draw() {
  drawTabs();
  drawWorkspaces();
  const choose = $("#context select");
  choose.replaceChildren(...world.items.map((item) => new Option(item.entity_label, item.os_entity_uid)));
  choose.value = world.contextItem;
}

const config = JSON.parse($("#config").textContent);
const world = new World({ announce, ask: { confirm: confirmed, search: searched }, tell: { notification, tab } });
const states = { waiting: "Waiting for the app", connected: "Connected", lost: "The app stopped answering" };
const channel = new Channel($("#frame"), {
  onMessage: heard,
  onState: (state) => {
    $("#state").textContent = states[state];
    $("#state").dataset.state = state;
    if (state === "waiting") subscribed.clear();
  },
});

function openApp(address) {
  const url = new URL(address, location.href);
  const allowed = config.anyOrigin ? ["http:", "https:"].includes(url.protocol) : url.origin === location.origin;
  if (!allowed) return notification({ level: "error", message: `${address} cannot be opened here; give a path of this server.` });
  $("#app").value = address;
  $("#frame").src = url.href;
  return true;
}

$("#address").addEventListener("submit", (event) => { event.preventDefault(); openApp($("#app").value); });
$("#user").addEventListener("submit", (event) => {
  event.preventDefault();
  world.setUser(Object.fromEntries(new FormData(event.target)));
});
$("#create").addEventListener("submit", (event) => {
  event.preventDefault();
  world.create(new FormData(event.target).get("name"));
  event.target.reset();
});
$("#context").addEventListener("submit", (event) => {
  event.preventDefault();
  world.setContext(new FormData(event.target).get("item"));
});
$("#replies").addEventListener("submit", (event) => event.preventDefault());
$("#filter").addEventListener("input", () => [...$("#messages").children].forEach(applyFilter));
$("#clear").addEventListener("click", () => { $("#messages").replaceChildren(); seen = 0; $("#count").textContent = "0"; });
$("#user").elements.username.value = world.user.username;
$("#user").elements.email.value = world.user.email;
draw();

// ?app=…&answer=late&delay=2&only=whoami: so that a test or a bookmark begins as it needs to
const asked = new URLSearchParams(location.search);
for (const [parameter, field] of [["answer", "mode"], ["delay", "delay"], ["only", "only"]]) {
  if (asked.has(parameter)) $("#replies").elements[field].value = asked.get(parameter);
}
openApp(asked.get("app") ?? config.app);
