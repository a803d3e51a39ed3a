"""Runs on a Dask cluster: ``engine`` is the door; the rest is its own affair."""
