"""Texts of a page that are too faint to be read on what is behind them: WCAG AA, large text apart."""

from playwright.sync_api import Page

_FAINT = r"""() => {
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll(".stMain *, [role=dialog] *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const style = getComputedStyle(node);
    if (!own || !node.offsetParent || node.closest(":disabled, svg, canvas, [data-testid=stIconMaterial]")) continue;
    const [a, b] = [light(parts(style.color)), light(behind(node))].sort((x, y) => y - x);
    const wanted = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    const contrast = (a + 0.05) / (b + 0.05);
    const said = node.textContent.trim().slice(0, 40);
    if (contrast < wanted) faint.push(`${node.className}: ${said} (${contrast.toFixed(1)})`);
  }
  return faint;
}"""


def faint_texts(page: Page) -> list[str]:
    """Return the texts of the main part and of dialogs with too little contrast, but for what is switched off."""
    found: list[str] = page.evaluate(_FAINT)
    return found
