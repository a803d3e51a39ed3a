"""A file that a function is given, wherever it comes from."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file on this machine's disk. ``size`` in bytes; ``filename`` is what its sender calls it, never a path."""

    path: Path
    filename: str = ""
    content_type: str = "application/octet-stream"
    size: int = 0

    def open(self) -> BinaryIO:
        """Open it for reading."""
        return self.path.open("rb")

    @classmethod
    def from_bytes(cls, data: bytes, filename: str = "", content_type: str = "application/octet-stream") -> "InputFile":
        """Write ``data`` to a temporary file; for a widget's upload. The caller removes ``path`` when done."""
        with tempfile.NamedTemporaryFile(prefix="octostar-", delete=False) as file:
            file.write(data)
        return cls(path=Path(file.name), filename=Path(filename).name, content_type=content_type, size=len(data))
