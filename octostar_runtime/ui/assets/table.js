// Small on purpose: it travels with every refresh of a table. The drawing is done by tables.js, which comes once per page.
export default function (component) {
  const draw = () => window.octostarConsole.table(component);
  if (window.octostarConsole?.table) draw();
  else document.addEventListener("octostar-console-ready", draw, { once: true });
}
