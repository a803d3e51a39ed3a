"""The routes, one noun per file. A route translates; the rules are in ``operations`` and ``access``."""
