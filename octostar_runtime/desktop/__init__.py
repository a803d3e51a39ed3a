"""A local stand-in for the Octostar desktop, to try apps that use streamlit-octostar-research."""

from octostar_runtime.desktop.page import desktop_page
from octostar_runtime.desktop.server import DesktopServer

__all__ = ["DesktopServer", "desktop_page"]
