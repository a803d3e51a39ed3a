"""Who looks at a page of our own app: asked of ``access`` with what the browser sent when it connected."""

from collections.abc import Callable

import streamlit as st

from octostar_runtime.errors import NotSignedIn, StoreUnavailable
from octostar_runtime.models.access import ANONYMOUS, Principal
from octostar_runtime.runtime import Runtime


def identifier(runtime: Runtime) -> Callable[[], Principal]:
    """Return a function that tells who this viewer is now; a revoked sign-in is noticed within two seconds."""
    headers = {name.lower(): value for name, value in st.context.headers.to_dict().items()}
    peer = st.context.ip_address or "127.0.0.1"

    def identify() -> Principal:
        try:
            return runtime.access.principal(headers, peer)
        except (NotSignedIn, StoreUnavailable):
            return ANONYMOUS

    return identify
