"""Whether this process, the scheduler and the workers fit together; one line when they do not."""

from collections.abc import Mapping
from typing import Any

#: What has to be the same for functions to be understood on the other side.
NEEDED = ("python", "distributed", "cloudpickle", "octostar-runtime")
EXTRA_PACKAGES = ["cloudpickle", "octostar-runtime"]


def mismatch(found: Mapping[str, Any]) -> tuple[str, bool]:
    """Compare what ``Client.get_versions`` returned; return one line ("" when all fit) and whether nothing can run.

    Code does not travel between minor versions of Python; of the rest a difference is told, and may work.
    """
    ours = _packages(found.get("client"))
    others = {"the scheduler": _packages(found.get("scheduler"))}
    for address, said in (found.get("workers") or {}).items():
        others[f"worker {address}"] = _packages(said)
    parts: list[str] = []
    fatal = False
    for name in NEEDED:
        mine = _short(name, ours.get(name))
        differing = [(who, _short(name, theirs.get(name))) for who, theirs in others.items()]
        differing = [(who, version) for who, version in differing if version != mine]
        if differing:
            who, version = differing[0]
            more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
            parts.append(f"{name} is {mine or 'missing'} here and {version or 'missing'} on {who}{more}")
            fatal = fatal or name == "python"
    return "; ".join(parts), fatal


def _packages(said: Any) -> Mapping[str, str]:
    return (said or {}).get("packages") or {}


def _short(name: str, version: str | None) -> str:
    if version is None:
        return ""
    return ".".join(version.split(".")[:2]) if name == "python" else version
