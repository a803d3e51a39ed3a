"""Patterns · Back-end service: one plain function, called by this page and, through the API, by other services."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import streamlit as st

from octostar_runtime.demos.functions import profile_csv_file
from octostar_runtime.input_file import InputFile
from octostar_runtime.settings import Settings, load_settings
from octostar_runtime.ui.patterns import page_head, show_part, show_source, why
from octostar_runtime.ui.patterns.profile_table import draw_profile

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "octostar_runtime" / "deploy"


@st.cache_resource
def settings() -> Settings:
    return load_settings()


def loop() -> None:
    page_head(
        "Back-end service",
        "Two servers, one address: Streamlit draws, FastAPI answers other services, nginx sends each request to the "
        "right one. Both call the same plain function.",
    )
    st.subheader("The function", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        show_source(profile_csv_file)
    with right:
        with st.container(border=True):
            st.markdown("**Called by this page**")
            call_here()
        with st.container(border=True):
            st.markdown("**Called by another service**")
            call_from_elsewhere()
    st.subheader("The API beside this page", anchor=False)
    ask_the_api()
    st.subheader("How a request finds its server", anchor=False)
    routing()
    why(
        "Streamlit keeps a conversation with a browser and has no way to offer a function to other programs.",
        "A FastAPI server beside it does, and as long as the function itself knows neither of them, page and API run "
        "the very same code with the same checks of its arguments.",
        "One nginx in front gives both a single address, so that nobody has to know there are two.",
    )


def call_here() -> None:
    upload = st.file_uploader("A CSV, or none for a sample of 50,000 rows", type=["csv", "tsv", "txt"])
    if not st.button("Profile it here", type="primary", icon=":material/play_arrow:"):
        return
    file = InputFile.from_bytes(upload.getvalue(), upload.name) if upload else None
    bar = st.progress(0.0)
    try:
        for profile in profile_csv_file(file=file, sample_rows=50_000):
            bar.progress(profile.progress or 0.0, f"{profile.rows:,} rows")
    except ValueError as problem:
        bar.empty()
        st.error(str(problem))
        return
    finally:
        if file is not None:
            file.path.unlink(missing_ok=True)
    draw_profile(profile)


def call_from_elsewhere() -> None:
    st.caption("With a token of its own; the answer follows the function's declared type.")
    st.code(
        f'curl "{address()}/api/functions/profile-csv?wait=30" \\\n'
        '  -H "Authorization: Bearer $TOKEN" \\\n'
        "  -F file=@orders.csv",
        language="bash",
        wrap_lines=True,
    )
    st.link_button("All functions and their types", f"{settings().base_path}/docs", icon=":material/description:")


def ask_the_api() -> None:
    st.button("Ask the API how it is", icon=":material/monitor_heart:")  # a click runs the script, which asks
    port = settings().api_port if settings().mode == "full" else st.get_option("server.port")
    started = time.monotonic()
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}{settings().base_path}/api/health", timeout=2.0)
        answer.raise_for_status()
        said = answer.json()
    except (httpx.HTTPError, ValueError):
        st.info("The API does not answer now. It is started by `./main.sh`, or inside `streamlit run app.py`.")
        return
    milliseconds = (time.monotonic() - started) * 1000
    st.success(f"`GET /api/health` answered within {milliseconds:.0f} ms.")
    st.json(said, expanded=False)


def routing() -> None:
    api, ui, start = st.tabs(["nginx: to the API", "nginx: to the page", "What main.sh starts"])
    template = DEPLOY / "nginx.conf.template"
    with api:
        show_part(template, start="        location = /docs", stop="        # The inner servers", language="nginx")
        st.caption("Names in @{…} are filled in from the settings when the project starts.")
    with ui:
        show_part(template, start="        location / {", stop="        # A tab left open", language="nginx")
        st.caption(
            "The browser's own address and port are passed on; without the port Streamlit refuses the connection."
        )
    with start:
        show_part(ROOT / "main.sh", start="ensure_venv", language="bash")
        st.caption("The launcher starts the Streamlit server, the API server and nginx, and stops them in order.")


def address() -> str:
    seen = urlsplit(st.context.url or "http://127.0.0.1:8080")
    return f"{seen.scheme}://{seen.netloc}{settings().base_path}"


loop()
