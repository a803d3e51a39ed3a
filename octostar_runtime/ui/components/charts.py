"""Live charts. ECharts, because it keeps its place when data changes; few points, because they travel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

#: Colours that carry in light and dark alike.
BLUE, GREEN, AMBER, RED, VIOLET, GREY = "#3f7be0", "#2aa876", "#d08a1d", "#d9535c", "#8f66d6", "#8a96a3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart: (UTC second, value) pairs."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    area: bool = False


def timechart(
    series: Sequence[Series],
    *,
    key: str,
    unit: str = "",
    top: float | None = None,
    height: int = 210,
    alt: str = "",
) -> None:
    """Draw lines over time. ``unit`` is a printf number format of the tooltip, ``top`` fixes the axis."""
    axis: dict[str, Any] = {"type": "value", "min": 0, "splitNumber": 3, "axisLabel": {"formatter": unit_label(unit)}}
    if top is not None:
        axis.update(max=top, interval=top / 4)
    spec = {
        "animation": False,
        "grid": {"left": 6, "right": 14, "top": 34, "bottom": 4, "containLabel": True},
        "legend": {"top": 0, "left": 0, "itemWidth": 12, "itemHeight": 8, "icon": "roundRect"},
        "tooltip": {"trigger": "axis", "valueFormatter": unit or "%,.0f"},
        "xAxis": {"type": "time", "splitNumber": 4, "axisLabel": {"hideOverlap": True, "formatter": "{HH}:{mm}"}},
        "yAxis": axis,
        "series": [_line(one) for one in series],
    }
    st.echarts_chart(spec, key=key, height=height, alt=alt or ", ".join(one.name for one in series))


def unit_label(unit: str) -> str:
    """Return the axis label for a printf format: the number and what follows it."""
    return "{value}" + unit[unit.rfind("f") + 1 :].replace("%%", "%") if "f" in unit else "{value}"


def _line(one: Series) -> dict[str, Any]:
    line: dict[str, Any] = {
        "type": "line",
        "name": one.name,
        "showSymbol": False,
        "lineStyle": {"width": 1.8},
        "itemStyle": {"color": one.colour},
        "color": one.colour,
        "data": [[int(at) * 1000, round(value, 1)] for at, value in one.points],
    }
    if one.area:
        line["areaStyle"] = {"opacity": 0.12}
    return line
