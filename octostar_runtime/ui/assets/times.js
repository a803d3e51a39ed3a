// Times that tick in the browser, so that an unchanged list costs no traffic.
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
    const told = Number(node.dataset.t);
    // what has happened cannot lie ahead: a node's clock, or this browser's idea of it, is a little off
    const t = node.dataset.due || node.dataset.clock ? told : Math.min(told, at);
    const mode = node.dataset.clock ? (shared.times === "utc" ? "utc" : "local") : shared.times;
    write(node, mode === "relative" ? ago(at - t) : clock(t, mode === "utc", at));
    if (!node.title) node.title = new Date(told * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";
  }
}

