// What a press on a button or link does. Refreshes draw parts of the page anew at any moment, also between a press and
// its release, or while the keyboard's focus is on a button; neither the press nor the focus may be lost by that.
const CONTROLS = "button[data-act], button[data-copy], button[data-copy-next], .oc-table button, .oc-bulk button, a[data-nav]";
const NEAR_PX = 10; // a pointer that went further meant to leave
const FINGER_MS = 300;
const WAITS_MS = 5000; // a press before the page hears is done when it does, if that is soon

function control(node) {
  const found = node?.closest?.(CONTROLS);
  return found && !found.disabled ? found : null;
}

// The same for a control and the one that a refresh puts in its place.
function identity(node) {
  const { act, target, bulk, copy, does, row } = node.dataset;
  const place = node.closest("table")?.getAttribute("aria-label");
  return JSON.stringify([act, target, bulk, copy, does, row, node.getAttribute("href"), place]);
}

// Tell the server, through whatever component is mounted; what comes before one is mounted waits for it.
function tell(name, value) {
  if (shared.page) shared.page[name](value);
  else shared.waiting = { name, value, until: Date.now() + WAITS_MS };
}

function toldLate() {
  const waiting = shared.waiting;
  shared.waiting = null;
  if (waiting && Date.now() < waiting.until) tell(waiting.name, waiting.value);
}

async function copied(node) {
  await navigator.clipboard?.writeText(node.dataset.copy ?? node.nextElementSibling.textContent);
  const before = node.textContent;
  node.textContent = "Copied";
  setTimeout(() => (node.textContent = before), 900);
}

function press(node) {
  if (node.octostarPress) node.octostarPress();
  else if (node.dataset.act !== undefined) tell("act", { name: node.dataset.act, target: node.dataset.target });
  else if (node.matches("a")) tell("go", node.getAttribute("href"));
  else copied(node);
}

function onDown(event) {
  release();
  if (!event.isPrimary || event.button !== 0) return;
  shared.held = { node: control(event.target), on: event.target, x: event.clientX, y: event.clientY, at: Date.now() };
}

function onUp(event) {
  const held = shared.held;
  if (!held) return;
  const left = Math.hypot(event.clientX - held.x, event.clientY - held.y) > NEAR_PX;
  const mouse = event.pointerType === "mouse";
  // after the browser's own click, which does not come when the control was drawn anew under the mouse; a finger's
  // comes a little later, for whatever is then under it
  setTimeout(() => {
    if (held.node && !held.done && !left && mouse && !modified(event)) press(held.node);
    if (shared.held === held) release();
  }, mouse ? 0 : FINGER_MS);
}

const modified = (event) => event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;

// Whether a press has begun on something inside ``node`` and has not ended: then it must not be drawn anew now.
function heldIn(node) {
  return Boolean(shared.held && Date.now() - shared.held.at < 1500 && node.contains(shared.held.on));
}

function release() {
  shared.held = null;
  const later = shared.later;
  shared.later = new Map();
  later?.forEach((draw) => draw());
}

// Do ``draw`` when the press is over; of several for the same place the last.
function afterPress(place, draw) {
  (shared.later ??= new Map()).set(place, draw);
}

function onClick(event) {
  const node = control(event.target);
  if (!node || event.button) return;
  if (shared.held) shared.held.done = true;
  if (node.matches("a")) {
    if (modified(event)) return;
    event.preventDefault();
  }
  press(node);
}

function onFocus(event) {
  const node = control(event.target);
  shared.focus = node && { node, is: identity(node) };
}

// Give the focus back when a refresh has replaced the control that had it.
function keepFocus() {
  const focus = shared.focus;
  if (!focus || focus.node.isConnected || (document.activeElement && document.activeElement !== document.body)) return;
  const again = [...document.querySelectorAll(CONTROLS)].find((node) => identity(node) === focus.is);
  shared.focus = null;
  again?.focus({ preventScroll: true });
}
