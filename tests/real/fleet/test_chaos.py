"""Real processes over a real PostgreSQL, killed, stopped and cut off: nothing ends twice, nothing stays alive."""

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from octostar_runtime.clock import SystemClock
from octostar_runtime.errors import CommandFailed
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Store, open_store
from octostar_runtime.testing import wait_until
from tests.contracts.store.conftest import a_node
from tests.real.fleet.conftest import StartNode
from tests.support.postgres import Postgres

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


@pytest.fixture
def watcher(postgres: Postgres) -> Iterator[tuple[str, Store]]:
    """A database and a store on it that joined no fleet: it sees what is stored and can send commands."""
    url = postgres.new_database()
    store = open_store(url, clock=SystemClock(), node=a_node("watcher"), settings=Settings())
    store.commander.start()
    yield url, store
    store.close()


def state_of(store: Store, node_id: str) -> NodeState | None:
    return next((n.record.state for n in store.nodes.all() if n.record.node_id == node_id), None)


def live_of(store: Store, node_id: str) -> int:
    return sum(run.node_id == node_id for run in store.runs.find("state:live", limit=5_000).runs)


def ends_of(store: Store) -> Counter[RunState]:
    """Count the ends of all runs, checking on the way that none has two."""
    ends: Counter[RunState] = Counter()
    after = None
    while True:
        page = store.runs.find("state:ended", limit=2_000, after=after)
        for run in page.runs:
            assert sum(state.terminal for state, _ in run.timeline) <= 1
            ends[run.state] += 1
        after = page.next
        if after is None:
            return ends


def test_a_killed_node_is_lost_within_ten_seconds_and_takes_its_work_along_once(
    watcher: tuple[str, Store], start_node: StartNode
) -> None:
    url, store = watcher
    nodes = [start_node(url, f"n{number}").ready() for number in range(4)]
    wait_until(lambda: live_of(store, "n0") >= 15, timeout_s=20, what="work on the first node")
    sessions = [s.session_id for s in store.sessions.live() if s.node_id == "n0"]
    nodes[0].signal(signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: state_of(store, "n0") is NodeState.LOST, timeout_s=10, what="the loss")
    wait_until(lambda: live_of(store, "n0") == 0, timeout_s=10 - (time.monotonic() - killed), what="LOST runs")
    assert [getattr(store.sessions.get(s), "end_reason", None) for s in sessions] == ["lost", "lost"]
    assert len(store.events.events(kind="node.lost")) == 1
    told = [node.stop() for node in nodes[1:]]
    assert all(each["stored"] and each["dropped"] == 0 for each in told), told
    ends = ends_of(store)
    assert ends[RunState.LOST] >= 15
    assert store.runs.count("state:live") == 0
    assert dict(store.runs.counts()) == {state: n for state, n in ends.items() if n}
    assert {state_of(store, f"n{n}") for n in (1, 2, 3)} == {NodeState.STOPPED}
    ended = sum(int(str(each["ended"])) for each in told)
    assert sum(store.runs.count(f"node:n{n}") for n in (1, 2, 3)) == ended


def test_a_node_stopped_for_fifteen_seconds_comes_back_without_what_it_lost(
    watcher: tuple[str, Store], start_node: StartNode
) -> None:
    url, store = watcher
    sleeper, other = start_node(url, "sleeper").ready(), start_node(url, "other").ready()
    wait_until(lambda: live_of(store, "sleeper") >= 10, timeout_s=20, what="work")
    sleeper.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: state_of(store, "sleeper") is NodeState.LOST, timeout_s=10, what="the loss")
    # The node is declared lost in one transaction and its work in the next ones: any node can go on with those.
    wait_until(lambda: live_of(store, "sleeper") == 0, timeout_s=10 - (time.monotonic() - stopped), what="LOST runs")
    lost = {run.run_id for run in store.runs.find("state:lost node:sleeper", limit=1_000).runs}
    assert lost
    with pytest.raises(CommandFailed):
        store.commander.send("sleeper", "run.cancel", {"run_id": "x"}, actor="ada", timeout_s=1.0)
    time.sleep(6)
    sleeper.signal(signal.SIGCONT)
    wait_until(lambda: state_of(store, "sleeper") is NodeState.OK, timeout_s=10, what="the return")
    wait_until(lambda: live_of(store, "sleeper") > 0, timeout_s=10, what="new work")
    assert other.process.poll() is None
    told = [sleeper.stop(), other.stop()]
    assert told[0]["fenced"] == 1
    assert told[1]["fenced"] == 0
    assert lost <= {run.run_id for run in store.runs.find("state:lost", limit=1_000).runs}
    assert store.runs.count("state:live") == 0
    assert len(store.events.events(kind="node.rejoined")) == 1


def test_an_outage_of_the_database_loses_nothing_and_nobody(
    watcher: tuple[str, Store], start_node: StartNode, postgres: Postgres
) -> None:
    url, store = watcher
    nodes = [start_node(url, f"n{number}", "--rate", "100").ready() for number in range(3)]
    wait_until(lambda: store.runs.count("state:ended") > 50, timeout_s=20, what="work")
    postgres.stop()
    time.sleep(8)  # twice as long as a heart may stand still; twenty seconds are for the consoles
    postgres.start()
    wait_until(lambda: _caught_up(store), timeout_s=20, what="catching up")
    told = [node.stop() for node in nodes]
    assert all(each["stored"] and each["dropped"] == 0 and each["fenced"] == 0 for each in told), told
    assert store.runs.count("") == sum(int(str(each["ended"])) for each in told)
    assert set(ends_of(store)) == {RunState.SUCCESS}
    assert len(store.events.events(kind="node.lost")) == 0


def _caught_up(store: Store) -> bool:
    try:
        newest = store.runs.find("", limit=1).runs[0].queued_at
    except Exception:  # noqa: BLE001 -- the server is on its way up
        return False
    return time.time() - newest < 1.0


def test_a_command_reaches_another_process_and_is_done_once(watcher: tuple[str, Store], start_node: StartNode) -> None:
    url, store = watcher
    start_node(url, "worker").ready()
    wait_until(lambda: live_of(store, "worker") > 5, timeout_s=20, what="work")
    run = store.runs.find("state:live", limit=1).runs[0]
    first = store.commander.send("worker", "run.cancel", {"run_id": run.run_id}, actor="ada", key="k")
    again = store.commander.send("worker", "run.cancel", {"run_id": run.run_id}, actor="ada", key="k")
    assert first.result == again.result == {"cancelled": True}
    wait_until(lambda: store.runs.count("state:cancelled") == 1, timeout_s=3, what="the cancelled run")
    with pytest.raises(CommandFailed, match="does not know"):
        store.commander.send("worker", "nonsense", {}, actor="ada")
    with pytest.raises(CommandFailed, match="nobody took up"):
        store.commander.send("nobody", "run.cancel", {}, actor="ada", timeout_s=0.3)
    (expired,) = store.events.events(kind="command.expired")
    assert expired.actor == "ada"


def test_four_processes_start_at_once_on_an_empty_store(start_node: StartNode, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    nodes = [start_node(url, f"n{number}") for number in range(4)]
    for node in nodes:
        node.ready()
    store = open_store(url, clock=SystemClock(), node=a_node("watcher"), settings=Settings())
    wait_until(lambda: len(store.nodes.all()) == 4, timeout_s=10, what="four nodes")
    told = [node.stop() for node in nodes]
    assert all(each["stored"] and each["fenced"] == 0 for each in told), [n.errors for n in nodes]
    assert store.runs.count("") == sum(int(str(each["ended"])) for each in told)
    store.close()


def test_a_database_that_hangs_for_a_while_loses_nothing_and_nobody(
    watcher: tuple[str, Store], start_node: StartNode, postgres: Postgres
) -> None:
    url, store = watcher
    nodes = [start_node(url, f"n{number}", "--rate", "50").ready() for number in range(2)]
    wait_until(lambda: store.runs.count("state:ended") > 20, timeout_s=20, what="work")
    with postgres.frozen():
        wait_until(lambda: all(node.heard("store away") for node in nodes), timeout_s=20, what="both to say so")
        time.sleep(3)
    wait_until(lambda: _caught_up(store), timeout_s=20, what="catching up")
    wait_until(lambda: all(node.heard("store back") for node in nodes), timeout_s=20, what="both to be well")
    told = [node.stop() for node in nodes]
    assert all(each["stored"] and each["dropped"] == 0 and each["fenced"] == 0 for each in told), told
    assert store.runs.count("") == sum(int(str(each["ended"])) for each in told)
    assert len(store.events.events(kind="node.lost")) == 0


def test_two_nodes_that_fight_over_a_lease_never_both_hold_it_even_when_one_is_stopped(
    watcher: tuple[str, Store], start_node: StartNode
) -> None:
    url, _ = watcher
    nodes = [start_node(url, f"n{number}", "--lease").ready() for number in range(2)]
    wait_until(lambda: any(node.heard("held") for node in nodes), timeout_s=10, what="a holder")
    held = next(node for node in nodes if node.heard("held"))
    held.signal(signal.SIGSTOP)
    other = next(node for node in nodes if node is not held)
    wait_until(lambda: other.heard("held"), timeout_s=10, what="the other to take it")
    held.signal(signal.SIGCONT)
    time.sleep(1.0)
    other.stop()
    seen = len(held.told)
    wait_until(lambda: "held" in [line["event"] for line in held.told[seen:]], timeout_s=10, what="the first again")
    held.stop()
    beliefs = sorted(
        (float(str(line["since"])), float(str(line["until"])), node.node_id)
        for node in nodes
        for line in node.told
        if line["event"] == "held"
    )
    assert {name for _, _, name in beliefs} == {"n0", "n1"}
    for (_, until, one), (since, _, another) in pairwise(beliefs):
        assert one == another or since >= until, "two held the lease at the same time"


def test_a_full_disk_is_told_and_what_waited_is_stored_once_there_is_room(
    start_node: StartNode, small_disk: Path
) -> None:
    url = f"sqlite:///{small_disk / 'store.sqlite3'}"
    node = start_node(url, "n0", "--rate", "100").ready()
    wait_until(lambda: (small_disk / "store.sqlite3").stat().st_size > 0, what="the store")
    fill(small_disk / "filler")
    wait_until(lambda: node.heard("store away"), timeout_s=30, what="the node to say so")
    assert "disk" in str((node.heard("store away") or {}).get("error"))
    time.sleep(3)
    assert node.process.poll() is None
    (small_disk / "filler").unlink()
    wait_until(lambda: node.heard("store back"), timeout_s=20, what="the node to be well")
    told = node.stop()
    assert (told["stored"], told["dropped"], told["fenced"]) == (True, 0, 0)
    store = open_store(url, clock=SystemClock(), node=a_node("watcher"), settings=Settings())
    assert store.runs.count("") == told["ended"]
    assert store.runs.count("state:live") == 0
    store.close()


def fill(path: Path) -> None:
    """Write until there is no room left."""
    with path.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(b"x" * 4096):
            pass
