"""The first credentials: a one-use sign-in link for whoever reads the terminal, and a token file for programs."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What the launcher prints."""

    link: str
    token_file: Path


def first_sign_in(public_url: str) -> Ticket:
    """Make the link and see to the token file, in the store that the running programs share."""
    raise NotImplementedError
