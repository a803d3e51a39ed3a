"""What the bridge relies on in Streamlit: when a version moves it, these name what broke."""

import ast
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession

import octostar_runtime
from octostar_runtime.sessions import streamlit_bridge

PACKAGE = Path(octostar_runtime.__file__).parent
#: What Streamlit documents for everybody; all else is its own business, and the bridge's.
PUBLIC = ("streamlit", "streamlit.errors", "streamlit.testing.v1", "streamlit.components.v2.types")
#: Names under ``st`` that lead to what is not public.
INNER = ("runtime", "proto", "web", "elements", "delta_generator", "watcher", "source_util")


def _python_files() -> Iterator[Path]:
    for folder in (PACKAGE, PACKAGE.parent / "pages"):
        yield from folder.rglob("*.py")
    yield PACKAGE.parent / "app.py"


def _inner_parts_of_streamlit(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "st":
            private = node.attr in INNER or (node.attr.startswith("_") and not node.attr.startswith("__"))
            names = [f"streamlit.{node.attr}"] if private else []
        else:
            continue
        yield from (
            f"{name} in line {node.lineno}"
            for name in names
            if name.partition(".")[0] == "streamlit" and name not in PUBLIC
        )


def test_one_module_alone_touches_what_is_not_public_in_streamlit() -> None:
    found = {
        str(file.relative_to(PACKAGE.parent)): parts
        for file in _python_files()
        if (parts := list(_inner_parts_of_streamlit(file)))
    }
    assert list(found) == ["octostar_runtime/sessions/streamlit_bridge.py"], found


def test_everything_the_bridge_relies_on_is_where_it_was() -> None:
    assert streamlit_bridge.broken_internals() == []


@pytest.mark.parametrize(
    ("owner", "name"), [(Runtime, "disconnect_session"), (AppSession, "request_rerun"), (AppSession, "has_fragment")]
)
def test_what_is_gone_is_named(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    monkeypatch.delattr(owner, name)
    assert streamlit_bridge.broken_internals() == [f"{owner.__name__}.{name} is gone"]


def test_an_attribute_that_is_no_longer_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(self: AppSession) -> None: ...

    monkeypatch.setattr(AppSession, "__init__", other)
    assert "AppSession.__init__ no longer sets _pages_manager" in streamlit_bridge.broken_internals()


def test_a_message_without_its_field_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(streamlit_bridge._MESSAGES, ClientState, ("moved_away",))
    assert streamlit_bridge.broken_internals() == ["the message ClientState has no field moved_away"]


def test_a_new_argument_of_a_wrapped_method_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect_session(self: Runtime, client: object, user_info: object, tab_id: str = "") -> str:
        return tab_id

    monkeypatch.setattr(Runtime, "connect_session", connect_session)
    assert streamlit_bridge.broken_internals() == ["Runtime.connect_session has a new argument tab_id"]


def test_changed_arguments_of_the_script_event_handler_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(self: AppSession, event: object, sender: object) -> None: ...

    monkeypatch.setattr(AppSession, "_handle_scriptrunner_event_on_event_loop", other)
    (problem,) = streamlit_bridge.broken_internals()
    assert "takes other arguments" in problem


def test_without_a_server_there_is_nothing_to_install() -> None:
    assert not streamlit_bridge.available()
    assert streamlit_bridge.current_session() is None


def test_those_who_install_at_once_share_one_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    class SlowBridge:
        allow = None

        def __init__(self, runtime: object, registry: object) -> None:
            made.append(self)

        def install(self) -> None:
            time.sleep(0.1)

    server = SimpleNamespace()
    monkeypatch.setattr(streamlit_bridge, "available", lambda: True)
    monkeypatch.setattr(streamlit_bridge, "runtime_instance", lambda: server)
    monkeypatch.setattr(streamlit_bridge, "StreamlitBridge", SlowBridge)
    monkeypatch.setattr(streamlit_bridge, "broken_internals", list)
    with ThreadPoolExecutor(4) as scripts:
        found = set(scripts.map(lambda _: streamlit_bridge.install(None), range(4)))  # type: ignore[arg-type]
    assert found == set(made)
    assert len(made) == 1
