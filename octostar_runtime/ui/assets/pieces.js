// The console's script is put together from pieces.js, times.js, presses.js, tables.js and page.js, in that order, and
// comes once per page.
const shared = (window.octostarConsole ??= {});

const text = (value) => document.createTextNode(value == null || value === "" ? "—" : String(value));

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}
