"""The local password: kept only as an argon2 hash, checked a few at a time because a check costs 64 MB."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from octostar_runtime.errors import InvalidInput, SettingsError

MIN_LENGTH, MAX_LENGTH = 8, 1000
_checks = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """Return the text for ``OCTOSTAR_PASSWORD_HASH``."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInput(f"a password needs {MIN_LENGTH} to {MAX_LENGTH} characters")
    return PasswordHasher().hash(password)


def check_hash(hashed: str) -> None:
    """Raise SettingsError unless ``hashed`` is an argon2 hash."""
    if hashed and not hashed.startswith("$argon2"):
        raise SettingsError(
            "OCTOSTAR_PASSWORD_HASH: not an argon2 hash; make one with `octostar-runtime password hash` "
            "and quote it in single quotes, it contains dollar signs"
        )


def verify_password(hashed: str, password: str) -> bool:
    """Whether ``password`` is the one hashed; takes tens of milliseconds on purpose."""
    if not hashed or len(password) > MAX_LENGTH:
        return False
    with _checks:
        try:
            return PasswordHasher().verify(hashed, password.encode("utf-8", "surrogateescape"))
        except (VerificationError, InvalidHashError):
            return False
