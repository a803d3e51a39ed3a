"""The console's query language: ``state:failed user:ada* -pool:gpu older:5m "disk full"``.

One text is read once into a frozen :class:`Query`; memory matches records against it, the store compiles it to
SQL, and both find the same runs.
"""

from octostar_runtime.query.expression import Field, Pattern, Query, Term
from octostar_runtime.query.reading import parse

__all__ = ["Field", "Pattern", "Query", "Term", "parse"]
