"""What the Pool page says of pools."""

import pytest

from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import pools


@pytest.mark.parametrize(
    ("engine", "words"), [("threads", "threads"), ("process", "processes"), ("dask", "Dask"), ("other", "other")]
)
def test_each_pool_names_its_engine(engine: str, words: str) -> None:
    pool = PoolRecord(name="cpu", node_id="n1", engine=engine, size=2, busy=0, queued=0, queue_limit=10)
    table = pools.pools_table([pool], {"n1": "here"}, Links())
    column = [column.label for column in table.columns].index("Engine")
    assert table.rows[0][column + 1] == words  # the first cell is the row's key
    assert pools.engine_words(engine) == words
