"""Work worth watching: the functions that the Patterns pages run, importable by the app and by the API server."""
