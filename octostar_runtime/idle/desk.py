"""Where the policy in force comes from: the store's document, a file at start, or the defaults."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from octostar_runtime.errors import OctostarRuntimeError, PolicyInvalid, StoreUnavailable
from octostar_runtime.idle.policy import Policy, parse_policy
from octostar_runtime.ports import Documents

logger = logging.getLogger(__name__)

DOCUMENT = "idle"
#: Which file was applied last, so that a restart does not undo what was edited since.
FILE_DOCUMENT = "idle-file"


class PolicyDesk:
    """Read, save and follow the policy document. Blocks on the store; not for the controller's tick."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.policy = Policy()
        self.version = 0
        self.problem: str | None = None

    def refresh(self) -> bool:
        """Take over what is stored; True when that changed the policy in force. Keeps the old one on any trouble."""
        stored = self._documents.load(DOCUMENT)
        if stored is None or stored[1] == self.version:
            return False
        doc, version = stored
        try:
            policy = parse_policy(doc)
        except PolicyInvalid as error:
            self.problem = str(error)
            logger.error("idle policy %s is unusable, version %s stays: %s", version, self.version, error)
            return False
        changed = not policy.says_the_same(self.policy)
        self.policy, self.version, self.problem = policy, version, None
        return changed

    def save(self, doc: Mapping[str, object], expected: int, actor: str | None) -> int:
        """Validate and store the next version; PolicyInvalid or VersionConflict leave the old one in force."""
        policy = parse_policy(doc)
        version = self._documents.save(DOCUMENT, policy.document(), expected=expected, actor=actor)
        self.policy, self.version, self.problem = policy, version, None
        return version

    def apply_file(self, path: Path) -> int | None:
        """Store the policy of a file, unless that very content was applied before; returns the new version."""
        try:
            text = path.read_text(encoding="utf-8")
            doc = json.loads(text)
        except (OSError, ValueError) as error:
            message = f"the policy file {path} cannot be read: {error}"
            raise PolicyInvalid(message, fields={"document": str(error)}) from None
        if not isinstance(doc, dict):
            message = f"the policy file {path} must hold one JSON object"
            raise PolicyInvalid(message, fields={"document": "not an object"})
        digest = hashlib.sha256(text.encode()).hexdigest()
        applied = self._documents.load(FILE_DOCUMENT)
        if applied is not None and applied[0].get("sha256") == digest:
            return None
        self.refresh()
        version = self.save(doc, self.version, f"file {path.name}")
        self._documents.save(FILE_DOCUMENT, {"sha256": digest}, expected=applied[1] if applied else 0, actor=None)
        return version


def follow(desk: PolicyDesk) -> bool:
    """Refresh, or say that the store is away and go on with what is known."""
    try:
        return desk.refresh()
    except (StoreUnavailable, OSError) as error:
        desk.problem = f"the store is away: {error}"
        return False
    except OctostarRuntimeError as error:
        desk.problem = str(error)
        return False
