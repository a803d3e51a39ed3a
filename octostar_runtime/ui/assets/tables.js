// Tables: real rows, drawn by id, each again only when it has changed.
function inside(label, href) {
  const a = make("a", "oc", text(label));
  a.href = href;
  a.dataset.nav = "";
  return a;
}

function cell(column, value, id) {
  if (value == null || value === "") return text(null);
  switch (column.kind) {
    case "link":
      return inside(value, column.href.replace("{id}", encodeURIComponent(id)).replace("{v}", encodeURIComponent(value)));
    case "place":
      return Array.isArray(value) ? inside(...value) : text(value);
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
    case "time":
    case "due": {
      const node = make("time");
      node.dataset.t = value;
      if (column.kind === "due") node.dataset.due = 1;
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
    const locked = spec.looks ? "" : view.data.locked;
    button.disabled = Boolean(locked);
    button.title = locked || spec.help || spec.label;
    button.dataset.does = name;
    button.dataset.row = id;
    button.octostarPress = () => view.component.setTriggerValue("act", { name, ids: [id] });
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
  const last = view.data.columns.length + 1;
  const offers = (values, name) => view.picked.has(values[0]) && (values[last] ?? []).includes(name);
  const rowsOf = (spec) => view.data.rows.filter((values) => offers(values, spec.needs)).map((values) => values[0]);
  const drawn = JSON.stringify([said, view.data.bulk.map(rowsOf), view.data.locked]);
  if (view.bulkDrawn === drawn) return;
  view.bulkDrawn = drawn;
  const buttons = view.data.bulk.map((spec) => {
    const rows = rowsOf(spec);
    const button = make("button", "oc-act", text(rows.length ? `${spec.label} ${rows.length}` : spec.label));
    button.type = "button";
    button.dataset.bulk = spec.name;
    button.disabled = Boolean(view.data.locked) || !rows.length;
    button.title = view.data.locked || spec.help || spec.label;
    button.octostarPress = () => view.component.setTriggerValue("act", { name: spec.name, ids: rows });
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

// Bring the rows into order with as few moves as that takes: what is moved loses the keyboard's focus.
function arrange(body, nodes) {
  const kept = new Set(nodes);
  for (const node of [...body.children]) if (!kept.has(node)) node.remove();
  nodes.forEach((node, place) => {
    if (body.children[place] !== node) body.insertBefore(node, body.children[place] ?? null);
  });
}

shared.table = (component) => {
  const host = component.parentElement;
  if (heldIn(host)) return afterPress(host, () => shared.table(component));
  shared.later?.delete(host);
  let view = host.octostarView;
  const said = new TextDecoder().decode(component.data);
  if (view?.said === said) {
    view.component = component;
    return;
  }
  const data = JSON.parse(said);
  if (!view) {
    view = host.octostarView = { picked: new Set(), drawn: new Map(), bulk: make("div", "oc-buttons oc-bulk"), foot: make("div", "oc-sheet") };
    view.head = make("thead");
    view.body = make("tbody");
    const table = make("table", "oc-table", view.head, view.body);
    if (data.label) table.setAttribute("aria-label", data.label);
    host.append(view.bulk, make("div", "oc-scroll", table), view.foot);
  }
  const before = view.data;
  view.component = component;
  view.said = said;
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
  arrange(view.body, nodes);
  if (before?.foot !== data.foot) view.foot.innerHTML = data.foot ?? "";
  const gone = [...view.picked].filter((id) => !drawn.has(id));
  gone.forEach((id) => view.picked.delete(id));
  mark(view);
  tick(host);
};

