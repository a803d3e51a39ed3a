"""What somebody sees who is not signed in: how to sign in, and nothing of the console's data."""

from collections.abc import Mapping

import streamlit as st

from octostar_runtime.errors import NotAllowed, NotSignedIn, StoreUnavailable
from octostar_runtime.ui import openid
from octostar_runtime.ui.components import assets
from octostar_runtime.ui.components.markup import text
from octostar_runtime.ui.console import Console

_HANDED_OVER = "octostar_handed_over"


def draw(console: Console) -> None:
    """Draw the page."""
    st.html(assets.stylesheet())
    claims = {} if console.mounted else openid.claims()
    link = _link(console, claims) if claims else ""
    who = console.source.access.principal_from_claims(claims) if claims else console.principal
    known = text(who.name) if who.via != "none" else ""
    with st.container(key="oc_signin"):
        st.html(f'<div class="oc">{"".join(_told(console, known, link))}</div>')
        _providers(known, link)
    if not console.mounted:
        assets.mount_sign_in(link)


def _told(console: Console, known: str, link: str) -> list[str]:
    title = '<h1 class="oc-title">Sign in to the console</h1>'
    if link:
        return [
            title,
            f"<p>Signing in {known}…</p>",
            f'<p><a class="oc-button" href="./api/sign-in?link={text(link)}" target="_self">Go on</a></p>',
        ]
    parts = [title]
    if known and not st.session_state.get(_HANDED_OVER):
        parts.append(
            f'<p class="oc-note warn">You are known as <b>{known}</b>, but that name has no role here. '
            "An admin can give it one.</p>"
        )
    return parts + (_mounted() if console.mounted else _ways(console.ways))


def _link(console: Console, claims: Mapping[str, object]) -> str:
    """Return a one-use link for whom the provider has just vouched for, once per visit; empty when there is none."""
    if _HANDED_OVER not in st.session_state:
        try:
            st.session_state[_HANDED_OVER] = console.source.access.link_from_claims(claims)
        except (NotSignedIn, StoreUnavailable):
            st.session_state[_HANDED_OVER] = "again"
        except NotAllowed:
            st.session_state[_HANDED_OVER] = ""
    link = str(st.session_state[_HANDED_OVER])
    return "" if link == "again" else link


def _providers(known: str, link: str) -> None:
    """Draw a button for each provider; somebody without a role may come back as somebody else."""
    if link:
        return
    for provider, label in openid.providers().items():
        if st.button(label, key=f"oc_login_{provider}", type="primary", width="stretch"):
            openid.sign_in(provider)
    if known and openid.claims() and st.button("Sign in as somebody else", key="oc_login_other", width="stretch"):
        openid.sign_out()


def _mounted() -> list[str]:
    return ["<p>This app decides who may see its console. Ask whoever runs it.</p>"]


def _ways(ways: tuple[str, ...]) -> list[str]:
    told = []
    if "password" in ways:
        told.append(
            '<p><a class="oc-button" href="./api/sign-in" target="_self" data-next>Sign in with the password</a></p>'
        )
    if "proxy" in ways:
        told.append("<p>People sign in through this organisation's own sign-in page. Open the app from there.</p>")
    if openid.providers():
        told.append("<p>Sign in where your organisation does, or with a sign-in link:</p>")
    told.append(
        "<p>Open the <b>sign-in link</b>. It was printed in the terminal when this service started; it works once.</p>"
        '<p class="oc-dim">Lost it? On the machine that runs this service, '
        '<span class="oc-mono">octostar-runtime link</span> prints a new one.</p>'
        '<p class="oc-dim">The pages under <b>Patterns</b> need no sign-in.</p>'
    )
    return told
