// The page's own script, mounted once per page: links that stay inside the session, times that tick in the browser
// (so that an unchanged list costs no traffic), keyboard, copy, remembered choices, and the tables.
const shared = (window.octostarConsole ??= {});

const text = (value) => document.createTextNode(value == null || value === "" ? "—" : String(value));

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

// ---- times -------------------------------------------------------------------------------------------------------
const pad = (n) => String(n).padStart(2, "0");

function duration(seconds) {
  const s = Math.max(0, seconds);
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${pad(Math.floor(s % 60))} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${pad(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function ago(seconds) {
  if (seconds < -1) return `in ${duration(-seconds)}`;
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 5) * 5} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

function clock(at, utc, now) {
  const d = new Date(at * 1000);
  const get = (name) => (utc ? d[`getUTC${name}`]() : d[`get${name}`]());
  const time = `${pad(get("Hours"))}:${pad(get("Minutes"))}:${pad(get("Seconds"))}`;
  const day = `${get("FullYear")}-${pad(get("Month") + 1)}-${pad(get("Date"))} `;
  return (Math.abs(now - at) > 43200 ? day : "") + time + (utc ? " UTC" : "");
}

function now() {
  return Date.now() / 1000 + (shared.offset ?? 0);
}

function write(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

function tick(root = document) {
  const at = now();
  for (const node of root.querySelectorAll("[data-since]")) write(node, duration(at - node.dataset.since));
  for (const node of root.querySelectorAll("[data-until]")) write(node, duration(node.dataset.until - at));
  for (const node of root.querySelectorAll("[data-t]")) {
    const t = Number(node.dataset.t);
    const mode = node.dataset.clock ? (shared.times === "utc" ? "utc" : "local") : shared.times;
    write(node, mode === "relative" ? ago(at - t) : clock(t, mode === "utc", at));
    if (!node.title) node.title = new Date(t * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";
  }
}

// ---- tables ------------------------------------------------------------------------------------------------------
function cell(column, value, id) {
  if (value == null || value === "") return text(null);
  switch (column.kind) {
    case "link": {
      const a = make("a", "oc", text(value));
      a.href = column.href.replace("{id}", encodeURIComponent(id)).replace("{v}", encodeURIComponent(value));
      a.dataset.nav = "";
      return a;
    }
    case "state": {
      const [label, tone] = column.words[value] ?? [value, "odd"];
      return make("span", `oc-pill ${tone}`, text(label));
    }
    case "since": {
      if (typeof value !== "number") return text(value);
      const span = make("span", "oc-num");
      span.dataset.since = value;
      return span;
    }
    case "time": {
      const node = make("time");
      node.dataset.t = value;
      return node;
    }
    case "bar": {
      if (typeof value === "string") return text(value);
      const fill = make("em");
      fill.style.width = `${Math.round(value * 100)}%`;
      return make("span", "oc-bar", make("span", "", fill), make("b", "", text(`${Math.round(value * 100)} %`)));
    }
    default:
      return text(value);
  }
}

function actions(view, id, names) {
  const cellNode = make("td", names.length ? "acts" : "acts blank");
  for (const name of names) {
    const spec = view.data.actions.find((action) => action.name === name);
    if (!spec) continue;
    const button = make("button", "oc-act", text(spec.label));
    button.type = "button";
    button.disabled = Boolean(view.data.locked);
    button.title = view.data.locked || spec.help || spec.label;
    button.onclick = () => view.component.setTriggerValue("act", { name, ids: [id] });
    cellNode.append(button);
  }
  return cellNode;
}

function row(view, values) {
  const [id, ...cells] = values;
  const tr = make("tr");
  tr.dataset.id = id;
  if (view.data.bulk) {
    const box = make("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", "Select this row");
    box.onchange = () => pick(view, [id], box.checked);
    tr.append(make("td", "pick", box));
  }
  view.data.columns.forEach((column, index) => {
    const value = cells[index];
    const blank = value == null || value === "" ? " blank" : "";
    const td = make("td", (column.end ? "end" : "") + (column.main ? " main" : "") + (column.wrap ? " wrap" : "") + blank, cell(column, value, id));
    td.dataset.label = column.label;
    if (typeof value === "string" && value.length > 24) td.title = value;
    tr.append(td);
  });
  if (view.data.actions) tr.append(actions(view, id, cells[view.data.columns.length] ?? []));
  return tr;
}

function pick(view, ids, on) {
  for (const id of ids) on ? view.picked.add(id) : view.picked.delete(id);
  mark(view);
}

function mark(view) {
  let on = 0;
  for (const tr of view.body.children) {
    const chosen = view.picked.has(tr.dataset.id);
    tr.classList.toggle("on", chosen);
    const box = tr.querySelector(".pick input");
    if (box) box.checked = chosen;
    on += chosen;
  }
  const all = view.head.querySelector(".pick input");
  if (all) {
    all.checked = on > 0 && on === view.body.children.length;
    all.indeterminate = on > 0 && !all.checked;
  }
  if (view.data.bulk) bulk(view);
}

function bulk(view) {
  const said = view.picked.size ? `${view.picked.size} ticked` : "Tick rows to act on several";
  const buttons = view.data.bulk.map((spec) => {
    const last = view.data.columns.length + 1;
    const rows = view.data.rows.filter((values) => view.picked.has(values[0]) && (values[last] ?? []).includes(spec.needs));
    const button = make("button", "oc-act", text(rows.length ? `${spec.label} ${rows.length}` : spec.label));
    button.type = "button";
    button.dataset.bulk = spec.name;
    button.disabled = Boolean(view.data.locked) || !rows.length;
    button.title = view.data.locked || spec.help || spec.label;
    button.onclick = () => view.component.setTriggerValue("act", { name: spec.name, ids: rows.map((values) => values[0]) });
    return button;
  });
  view.bulk.replaceChildren(make("span", "oc-dim", text(said)), ...buttons);
}

function header(view) {
  const tr = make("tr");
  if (view.data.bulk) {
    const box = make("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", "Select all rows on this page");
    box.onchange = () => pick(view, [...view.body.children].map((node) => node.dataset.id), box.checked);
    tr.append(make("th", "pick", box));
  }
  for (const column of view.data.columns) {
    const th = make("th", column.end ? "end" : "");
    th.scope = "col";
    if (column.help) th.title = column.help;
    if (column.sort) {
      const a = make("a", "", text(column.label + (column.sorted === "up" ? " ↑" : column.sorted === "down" ? " ↓" : "")));
      a.href = column.sort;
      a.dataset.nav = "";
      th.append(a);
      if (column.sorted) th.setAttribute("aria-sort", column.sorted === "up" ? "ascending" : "descending");
    } else th.append(text(column.label));
    tr.append(th);
  }
  if (view.data.actions) tr.append(make("th", "acts"));
  return tr;
}

shared.table = (component) => {
  const host = component.parentElement;
  const [data] = component.data;
  let view = host.octostarView;
  if (!view) {
    view = host.octostarView = { picked: new Set(), drawn: new Map(), bulk: make("div", "oc-buttons oc-bulk") };
    view.head = make("thead");
    view.body = make("tbody");
    const table = make("table", "oc-table", view.head, view.body);
    if (data.label) table.setAttribute("aria-label", data.label);
    host.append(view.bulk, make("div", "oc-scroll", table));
  }
  const before = view.data;
  view.component = component;
  view.data = data;
  const shape = (told) => told && JSON.stringify([told.columns, told.bulk, told.actions, told.locked]);
  if (shape(before) !== shape(view.data)) {
    view.head.replaceChildren(header(view));
    view.drawn.clear();
  }
  const drawn = new Map();
  const nodes = view.data.rows.map((values) => {
    const key = values[0];
    const body = JSON.stringify(values);
    const old = view.drawn.get(key);
    const node = old && old.body === body ? old.node : row(view, values);
    drawn.set(key, { body, node });
    return node;
  });
  view.drawn = drawn;
  const same = nodes.length === view.body.children.length && nodes.every((node, i) => view.body.children[i] === node);
  if (!same) view.body.replaceChildren(...nodes);
  const gone = [...view.picked].filter((id) => !drawn.has(id));
  gone.forEach((id) => view.picked.delete(id));
  mark(view);
  tick(host);
};

// ---- the page ----------------------------------------------------------------------------------------------------
const typing = (target) => target.closest("input, textarea, select, [contenteditable], [role=dialog]");
const press = (key) => document.querySelector(`.st-key-${key} button`)?.click();

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (shared.chord) {
    shared.chord = false;
    const slug = shared.jumps?.[event.key];
    if (slug !== undefined) return shared.go(slug);
  }
  const search = document.querySelector(".st-key-oc_search input");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "r") press("oc_refresh");
  else if (event.key === "?") shared.act({ name: "help", target: "" });
  else if (event.key === "g") {
    shared.chord = true;
    setTimeout(() => (shared.chord = false), 1500);
  }
}

async function onClick(event) {
  const copy = event.target.closest?.("[data-copy], [data-copy-next]");
  if (copy) {
    await navigator.clipboard?.writeText(copy.dataset.copy ?? copy.nextElementSibling.textContent);
    const before = copy.textContent;
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = before), 900);
    return;
  }
  const button = event.target.closest?.("button[data-act]");
  if (button && shared.act) return shared.act({ name: button.dataset.act, target: button.dataset.target });
  const link = event.target.closest?.("a[data-nav]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || !shared.go) return;
  event.preventDefault();
  shared.go(link.getAttribute("href"));
}

export default function (component) {
  const { data, setTriggerValue } = component;
  shared.go = (href) => setTriggerValue("go", href);
  shared.act = (what) => setTriggerValue("act", what);
  shared.times = data.times;
  shared.jumps = data.jumps;
  shared.offset = data.now - Date.now() / 1000;
  const framed = window.self !== window.top && location.protocol === "https:"; // perhaps in another site's frame
  const scope = framed ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
  document.cookie = `octostar_console=${data.remember}; path=/; max-age=31536000; ${scope}`;
  shared.stop?.();
  const watch = new MutationObserver(() => tick());
  watch.observe(document.querySelector(".stMain") ?? document.body, { childList: true, subtree: true });
  const timer = setInterval(tick, 1000);
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  shared.stop = () => {
    watch.disconnect();
    clearInterval(timer);
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("click", onClick);
  };
  tick();
  document.dispatchEvent(new Event("octostar-console-ready"));
  return () => shared.stop?.();
}
