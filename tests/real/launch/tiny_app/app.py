"""The smallest app: what is tested with it is what is around it."""

import streamlit as st

app = st.App("page.py")
