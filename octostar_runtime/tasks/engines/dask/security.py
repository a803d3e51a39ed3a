"""Who may talk to a cluster: certificates by setting, and ones made on the spot for a cluster of our own.

A scheduler executes what it is sent. So both sides show a certificate of the same authority, also on this machine,
where others may have accounts.
"""

import ssl
from pathlib import Path
from typing import Any

from octostar_runtime.errors import SettingsError

#: What the JSON handed to a process of our own may hold.
FIELDS = (
    "tls_ca_file", "tls_client_cert", "tls_client_key", "tls_scheduler_cert", "tls_scheduler_key",
    "tls_worker_cert", "tls_worker_key",
)  # fmt: skip


def from_files(pool: str, *, ca: Path | None, cert: Path | None, key: Path | None) -> dict[str, str] | None:
    """Return the certificates of the settings, None when none are named; SettingsError names what is missing."""
    given = {"tls_ca": ca, "tls_cert": cert, "tls_key": key}
    if not any(given.values()):
        return None
    for name, path in given.items():
        if path is None:
            raise SettingsError(f"OCTOSTAR_POOLS: pool {pool!r} needs tls_ca, tls_cert and tls_key; {name} is missing")
        if not path.is_file():
            raise SettingsError(f"OCTOSTAR_POOLS: pool {pool!r}: {name} names {path}, which is no file")
    _check(pool, str(ca), str(cert), str(key))
    fields = {"tls_ca_file": str(ca)}
    for role in ("client", "scheduler", "worker"):
        fields[f"tls_{role}_cert"] = str(cert)
        fields[f"tls_{role}_key"] = str(key)
    return fields


def _check(pool: str, ca: str, cert: str, key: str) -> None:
    """Refuse files that hold no certificates, and a key of another certificate, before anybody connects."""
    try:
        what = f"tls_ca: {ca}"
        context = ssl.create_default_context(cafile=ca)
        what = f"tls_cert and tls_key: {cert}, {key}"
        context.load_cert_chain(cert, key, password="")  # rather than to ask on a terminal
    except (OSError, ValueError) as error:
        raise SettingsError(f"OCTOSTAR_POOLS: pool {pool!r}: {what} cannot be used: {error}") from error


def for_this_machine() -> dict[str, str]:
    """Return a certificate made now, which exists only in the memory of our own processes."""
    from distributed.security import Security

    make: Any = Security
    made = make.temporary()
    return {name: getattr(made, name) for name in FIELDS}


def security_of(fields: dict[str, str] | None) -> Any:
    """Return Dask's own object for ``fields``; None means no encryption."""
    from distributed.security import Security

    make: Any = Security
    return None if fields is None else make(require_encryption=True, **fields)
