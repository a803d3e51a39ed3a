"""Secrets of sign-in: made here, shown once, kept only as a digest."""

import hashlib
import secrets

#: What a secret is for can be told from its first letters, by people and by secret scanners.
PREFIXES = {"link": "octl_", "cookie": "octs_", "token": "octt_"}
#: No secret of ours is longer; a longer one is refused before it is hashed.
MAX_LENGTH = 128


def new_secret(kind: str) -> str:
    """Return a fresh secret with 256 random bits."""
    return PREFIXES[kind] + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is stored in place of the secret.

    A plain SHA-256 is enough (and fast) because the input has 256 random bits; passwords go through argon2.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def plausible(kind: str, secret: str) -> bool:
    """Whether it is worth asking the store about ``secret``."""
    return secret.startswith(PREFIXES[kind]) and len(secret) <= MAX_LENGTH
