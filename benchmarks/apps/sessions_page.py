"""A page with next to nothing on it."""

import streamlit as st

st.write("hello")
