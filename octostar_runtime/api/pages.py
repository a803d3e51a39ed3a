"""The two plain pages of sign-in. No script, no other file, so that nothing can leak and nothing can be missing."""

from collections.abc import Collection
from html import escape

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
main { width: min(22rem, 90vw); padding: 2rem; border: 1px solid color-mix(in srgb, CanvasText 15%, Canvas);
  border-radius: .75rem; }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
p { margin: 0 0 1rem; }
label { display: block; font-size: .875rem; margin-bottom: .25rem; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem .75rem; margin-bottom: 1rem; }
button { font: inherit; padding: .5rem 1rem; width: 100%; cursor: pointer; }
.error { border-left: 4px solid #c0392b; padding-left: .75rem; }
code { font-size: .875em; }
"""


def sign_in_page(ways: Collection[str], action: str, target: str, error: str) -> str:
    """Return the page that offers the configured ways to sign in."""
    parts = ["<h1>Sign in</h1>"]
    if error:
        parts.append(f'<p class="error" role="alert">{escape(_sentence(error))}</p>')
    if "password" in ways:
        parts.append(
            f'<form method="post" action="{escape(action)}">'
            f'<input type="hidden" name="next" value="{escape(target)}">'
            '<label for="password">Password</label>'
            '<input id="password" name="password" type="password" autocomplete="current-password" autofocus required>'
            "<button>Sign in</button></form>"
        )
    if "proxy" in ways:
        parts.append("<p>People sign in through this organisation's own sign-in page. Open the app from there.</p>")
    if "password" not in ways:
        parts.append(
            "<p>Open the sign-in link that was printed when the service started. "
            "For a new one, run <code>octostar-runtime link</code> on its machine.</p>"
        )
    return _page("Sign in", "".join(parts))


def confirm_page(link: str, target: str) -> str:
    """Return the page on which a person confirms a link by a button; robots press none."""
    return _page(
        "Sign in",
        '<h1>Sign in</h1><p>This link works once.</p><form method="post">'
        f'<input type="hidden" name="link" value="{escape(link)}">'
        f'<input type="hidden" name="next" value="{escape(target)}">'
        "<button autofocus>Sign in</button></form>",
    )


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
