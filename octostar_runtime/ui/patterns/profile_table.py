"""A CSV profile as one table: a row per column, with its distribution drawn in the row."""

import streamlit as st

from octostar_runtime.demos.column_profile import ColumnProfile
from octostar_runtime.demos.profile_csv import CsvProfile


def draw_profile(profile: CsvProfile) -> None:
    """Draw what is known so far."""
    st.dataframe(
        [_row(column) for column in profile.columns],
        key="csv-profile",
        hide_index=True,
        width="stretch",
        column_config={
            "Filled": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0, width="small"),
            **{name: st.column_config.TextColumn(width=110) for name in ("From", "To")},  # a whole date
            "Distribution": st.column_config.BarChartColumn(width="medium"),
        },
    )


def _row(column: ColumnProfile) -> dict[str, object]:
    rows = column.filled + column.missing
    return {
        "Column": column.name,
        "Kind": column.kind,
        "Filled": column.filled / rows if rows else 0.0,
        "Distinct": f"{column.distinct:,}{'+' if column.distinct_capped else ''}",
        "From": _text(column.minimum),
        "To": _text(column.maximum),
        "Mean": _text(column.mean),
        "Distribution": list(column.bins) or [count for _, count in sorted(column.top)],
    }


def _text(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
