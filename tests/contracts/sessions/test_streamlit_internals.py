"""What the bridge relies on in Streamlit: when a version moves it, these name what broke."""

import pytest
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession

from octostar_runtime.sessions import streamlit_bridge


def test_everything_the_bridge_relies_on_is_where_it_was() -> None:
    assert streamlit_bridge.broken_internals() == []


@pytest.mark.parametrize(
    ("owner", "name"), [(Runtime, "disconnect_session"), (AppSession, "request_rerun"), (AppSession, "has_fragment")]
)
def test_what_is_gone_is_named(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    monkeypatch.delattr(owner, name)
    assert streamlit_bridge.broken_internals() == [f"{owner.__name__}.{name} is gone"]


def test_changed_arguments_of_the_script_event_handler_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(self: AppSession, event: object, sender: object) -> None: ...

    monkeypatch.setattr(AppSession, "_handle_scriptrunner_event_on_event_loop", other)
    (problem,) = streamlit_bridge.broken_internals()
    assert "takes other arguments" in problem


def test_without_a_server_there_is_nothing_to_install() -> None:
    assert not streamlit_bridge.available()
    assert streamlit_bridge.current_session() is None
