"""`octostar-runtime new`: a project skeleton by the conventions, that runs at once."""

from octostar_runtime.scaffold.create import create_project

__all__ = ["create_project"]
