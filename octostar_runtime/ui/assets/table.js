// Small on purpose: it travels with every refresh of a table. The drawing is done by console.js, which comes once.
export default function (component) {
  const draw = () => window.octostarConsole.table(component);
  if (window.octostarConsole?.table) draw();
  else document.addEventListener("octostar-console-ready", draw, { once: true });
}
