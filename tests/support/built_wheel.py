"""The wheel of this project, built and unpacked: what others install, and nothing of the source tree."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.streamlit_server import ROOT


def unpacked_wheel(folder: Path) -> Path:
    """Build the wheel below ``folder`` and return the directory that holds its content."""
    source, built = folder / "source", folder / "built"
    source.mkdir(parents=True)
    # a copy, so that the build leaves nothing behind in the checkout
    parts = [str(ROOT / name) for name in ("octostar_runtime", "pyproject.toml", "README.md")]
    subprocess.run(["cp", "-r", *parts, str(source)], check=True)
    build = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(built)], cwd=source, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(built / done.stdout.splitlines()[-1]) as archive:
        archive.extractall(folder / "site")
    return folder / "site"
