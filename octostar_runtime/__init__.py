"""Octostar runtime: background tasks, sessions and idle shutdown for Streamlit apps."""

__version__ = "0.1.0"
