"""A local stand-in for the Octostar desktop, to try apps that use streamlit-octostar-research."""
