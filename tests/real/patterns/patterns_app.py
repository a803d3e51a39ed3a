"""The Patterns pages alone, as an app of their own."""

from pathlib import Path

import streamlit as st

PAGES = Path(__file__).resolve().parents[3] / "pages"
st.set_page_config(layout="wide")
names = ("initialization", "browser", "parallelism", "backend")
st.navigation(
    [st.Page(PAGES / f"patterns_{name}.py", url_path=name, default=name == "initialization") for name in names]
).run()
