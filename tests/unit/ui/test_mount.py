"""The console inside another app: nobody is anything until the app says who."""

import pytest
from streamlit.testing.v1 import AppTest

from octostar_runtime.models.access import Role
from tests.support.console_demo import DemoSource


class Stage:
    """What the mounting app answers when asked who somebody is."""

    role: str | Role | None = None
    source = DemoSource()


def script() -> None:
    """A host's entry script; its default page is the console's first one, so that it is what is drawn."""
    import streamlit as st

    from octostar_runtime.ui.mount import console_pages
    from tests.unit.ui.test_mount import Stage

    st.navigation({"Operations": console_pages(authorize=lambda: Stage.role, source=Stage.source)}).run()


def shown() -> str:
    app = AppTest.from_function(script, default_timeout=20).run()
    assert not app.exception
    return "\n".join(element.proto.body for element in app.get("html"))


def test_until_the_app_says_who_nobody_sees_anything() -> None:
    Stage.role = None

    assert "This app decides who may see its console" in shown()
    assert "People connected" not in shown()


@pytest.mark.parametrize("role", ["viewer", "operator", "admin", Role.VIEWER])
def test_whom_the_app_names_sees_the_console(role: str | Role) -> None:
    Stage.role = role

    assert "People connected" in shown()


def test_a_role_of_nobody_sees_nothing() -> None:
    Stage.role = Role.NOBODY

    assert "People connected" not in shown()
