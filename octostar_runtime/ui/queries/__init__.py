"""From the frozen snapshot to what a page shows. Pure: no streamlit, no clock, no store."""
