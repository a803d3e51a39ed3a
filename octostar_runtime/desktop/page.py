"""The desktop as one self-contained HTML document: no other file is asked for, so any server can serve it."""

import json
from pathlib import Path

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("channel.js", "world.js", "panel.js")


def desktop_page(app: str = "/", *, any_origin: bool = False) -> str:
    """Return the page that hosts ``app`` in a frame and answers it as the Octostar desktop would.

    ``app`` is a path of the same server, or with ``any_origin`` (the command for developers) any http(s) address.
    A visitor may name another with ``?app=``; without ``any_origin`` it must be a path of the same server.
    """
    config = json.dumps({"app": app, "anyOrigin": any_origin}).replace("<", "\\u003c")
    page = _read("desktop.html").replace("/*{css}*/", _read("desktop.css")).replace("/*{config}*/", config)
    return page.replace("/*{js}*/", "\n".join(_read(name) for name in _SCRIPTS))


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
