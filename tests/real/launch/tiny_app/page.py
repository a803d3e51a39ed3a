"""The script of the smallest app."""

import streamlit as st

st.write("Hello from the tiny app")
