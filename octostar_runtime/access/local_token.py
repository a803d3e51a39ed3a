"""A token in a file that only the service's own user can read, so that the command line works on this machine."""

import os
from pathlib import Path

from octostar_runtime.access.lookup import CredentialLookup
from octostar_runtime.access.tokens import Tokens
from octostar_runtime.models.access import SYSTEM, Role

TTL_S = 365 * 86_400.0
LABEL = "command line on this machine"


def ensure_local_token(path: Path, lookup: CredentialLookup, tokens: Tokens) -> Path:
    """Return ``path`` with a token that is in force, writing a new one when the old does not work any more."""
    if _works(path, lookup):
        return path
    issued = tokens.make(label=LABEL, role=Role.ADMIN, scopes=(), ttl_s=TTL_S, by=SYSTEM)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    # made with its final mode: at no moment can another user read it
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(issued.secret + "\n")
    fresh.replace(path)
    return path


def _works(path: Path, lookup: CredentialLookup) -> bool:
    try:
        return lookup.find("token", path.read_text().strip()) is not None
    except (OSError, UnicodeDecodeError):
        return False
