"""Charts drawn on demand, with Plotly: a timeline of workers, a distribution of durations."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from octostar_runtime.ui.components.blocks import empty
from octostar_runtime.ui.components.charts import AMBER, BLUE, GREEN, GREY, RED, VIOLET

if TYPE_CHECKING:
    from octostar_runtime.ui.queries.pools import Span

_PALETTE = (BLUE, GREEN, VIOLET, AMBER, GREY, RED)


def worker_timeline(spans: "Sequence[Span]", now: float, *, key: str) -> None:
    """Draw what each worker did: one bar per run, one colour per task name."""
    if not spans:
        empty("No work in the last 15 minutes", "Each task a worker ran would be a bar here.")
        return
    import plotly.graph_objects as go  # half a second to import: only when somebody asks

    figure = go.Figure()
    for index, name in enumerate(sorted({span.name for span in spans})):
        mine = [span for span in spans if span.name == name]
        figure.add_bar(
            name=name,
            orientation="h",
            y=[span.worker for span in mine],
            base=[_when(span.started_at) for span in mine],
            x=[(span.ended_at - span.started_at) * 1000 for span in mine],
            marker_color=_PALETTE[index % len(_PALETTE)],
            marker_line_width=0,
            customdata=[
                [span.run_id[-8:], span.ended_at - span.started_at, "still running" if span.live else ""]
                for span in mine
            ],
            hovertemplate="%{y}<br><b>"
            + name
            + "</b> …%{customdata[0]}<br>%{customdata[1]:.1f} s %{customdata[2]}<extra></extra>",
        )
    workers = list(dict.fromkeys(span.worker for span in spans))
    figure.update_layout(
        barmode="overlay",
        bargap=0.35,
        height=110 + 26 * max(len(workers), 2),
        margin={"l": 0, "r": 0, "t": 34, "b": 0},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        xaxis={"type": "date", "range": [_when(now - 900), _when(now)], "tickformat": "%H:%M"},
        yaxis={"categoryorder": "array", "categoryarray": workers[::-1]},
    )
    st.plotly_chart(figure, key=key, config={"displaylogo": False})


def _when(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def tradeoff(points: "Sequence[tuple[str, float, int]]", chosen: str, *, key: str) -> None:
    """Draw hours saved against people who waited, over the quiet time; the chosen one is marked."""
    import plotly.graph_objects as go

    names = [name for name, _, _ in points]
    figure = go.Figure()
    figure.add_bar(name="Hours stopped", x=names, y=[hours for _, hours, _ in points], marker_color=GREEN)
    figure.add_scatter(
        name="People who waited", x=names, y=[people for _, _, people in points], yaxis="y2", line_color=AMBER
    )
    figure.add_vline(x=names.index(chosen), line_dash="dot", line_color=GREY)
    figure.update_layout(
        height=300,
        margin={"l": 0, "r": 0, "t": 34, "b": 0},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        yaxis={"title": "hours", "rangemode": "tozero"},
        yaxis2={
            "title": "people",
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
            "tickformat": ",.0f",
            "tickmode": "auto",  # round numbers; the theme would put them where the other axis has its own
        },
        xaxis={"type": "category"},
    )
    st.plotly_chart(figure, key=key, config={"displaylogo": False})
