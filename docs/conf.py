"""How Sphinx builds the documentation: ``python -m sphinx -W -b html docs site``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # a checkout is documented as it is, installed or not

import octostar_runtime

project = "Octostar runtime"
version = release = octostar_runtime.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["screenshots"]
html_theme = "furo"
html_title = project
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_class_signature = "separated"
python_use_unqualified_type_names = True
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "ref.python"]
