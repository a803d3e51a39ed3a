"""The frame all Patterns pages share: a head, Do beside Don't, and why."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


def page_head(title: str, lead: str) -> None:
    """Draw the page's title and the one sentence that says what the pattern is for."""
    st.title(title, anchor=False)
    st.markdown(lead)


@contextmanager
def do(title: str) -> Iterator[None]:
    """A framed block marked as the way to do it."""
    with st.container(border=True, height="stretch"):
        st.markdown(f":green-badge[:material/check: Do] **{title}**")
        yield


@contextmanager
def dont(title: str) -> Iterator[None]:
    """A framed block marked as the way not to do it."""
    with st.container(border=True, height="stretch"):
        st.markdown(f":red-badge[:material/close: Don't] **{title}**")
        yield


def why(*sentences: str) -> None:
    """Say why, in three sentences."""
    if len(sentences) != 3:
        raise ValueError(f"a pattern is explained in three sentences, not {len(sentences)}")
    with st.container(border=True):
        st.markdown("**Why**")
        st.markdown(" ".join(sentences))
