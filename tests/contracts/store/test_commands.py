"""Commands between two nodes over a store that both share: answered, done once, and never silently dropped."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from octostar_runtime.errors import CommandFailed
from octostar_runtime.models.commands import CommandRecord, CommandState
from octostar_runtime.store.local_commander import LocalCommander
from octostar_runtime.store.sqlstore import SqlStore
from octostar_runtime.testing import ManualClock, wait_until
from tests.contracts.store.conftest import a_node

OpenNode = Callable[[str], SqlStore]


def two_nodes(open_node: OpenNode) -> tuple[SqlStore, SqlStore]:
    ends = open_node("asks"), open_node("acts")
    for store, name in zip(ends, ("asks", "acts"), strict=True):
        store.nodes.join(a_node(name))
        store.commander.start()
    return ends


def test_a_command_is_carried_out_by_the_other_node_and_its_answer_comes_back(open_node: OpenNode) -> None:
    asks, acts = two_nodes(open_node)
    acts.commander.handle("pool.resize", lambda command: {"size": command.args["size"], "by": command.actor})
    done = asks.commander.send("acts", "pool.resize", {"size": 7}, actor="ada", reason="month end")
    assert done.state is CommandState.DONE
    assert done.result == {"size": 7, "by": "ada"}
    assert [command.reason for command in acts.commander.recent()] == ["month end"]


def test_a_refusal_comes_back_as_the_sentence_that_was_said(open_node: OpenNode) -> None:
    asks, acts = two_nodes(open_node)

    def refuse(_: CommandRecord) -> None:
        raise RuntimeError("no such pool")

    acts.commander.handle("pool.resize", refuse)
    with pytest.raises(CommandFailed, match="no such pool"):
        asks.commander.send("acts", "pool.resize", {}, actor="ada")


def test_a_key_makes_a_command_happen_once_also_when_two_send_it_together(open_node: OpenNode) -> None:
    asks, acts = two_nodes(open_node)
    done: list[str] = []

    def act(command: CommandRecord) -> dict[str, object]:
        done.append(command.command_id)
        return {"n": len(done)}

    acts.commander.handle("pool.resize", act)
    answers: list[object] = []

    def send() -> None:
        answers.append(asks.commander.send("acts", "pool.resize", {}, actor="ada", key="k").result)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"n": 1}] * 4
    assert len(done) == 1


def test_what_nobody_took_up_is_told_to_the_sender_and_kept_in_the_history(open_node: OpenNode) -> None:
    asks = open_node("asks")
    asks.nodes.join(a_node("asks"))
    asks.commander.start()
    with pytest.raises(CommandFailed, match="nobody took up"):
        asks.commander.send("gone", "run.cancel", {}, actor="ada", timeout_s=0.2)
    (event,) = asks.events.events(kind="command.expired")
    assert (event.actor, event.data["target"]) == ("ada", "gone")


def test_a_command_whose_sender_is_gone_too_is_marked_by_whoever_is_left(
    open_node: OpenNode, clock: ManualClock
) -> None:
    store = open_node("left")
    now = store.time.now()
    command = CommandRecord(
        command_id="c1",
        target="gone",
        kind="run.cancel",
        args={},
        actor="ada",
        reason=None,
        at=now,
        expires_at=now + 5.0,
    )
    store.commands.put(command, sender="gone too", key=None)
    store.tend()
    found = store.commands.get("c1")
    assert found is not None
    assert found.state is CommandState.NEW
    store.commands.put(replace(command, command_id="c2", expires_at=now - 60.0), sender="gone too", key=None)
    clock.advance(61)
    store.tend()
    expired = store.commands.get("c2")
    assert expired is not None
    assert expired.state is CommandState.EXPIRED
    assert "c2" in [event.subject for event in store.events.events(kind="command.expired")]


def test_a_lost_nodes_commands_are_answered_for_it(open_node: OpenNode) -> None:
    asks, _ = two_nodes(open_node)
    mute = open_node("mute")  # joined, and nobody listens
    mute.nodes.join(a_node("mute"))
    failed: list[str] = []

    def send() -> None:
        with pytest.raises(CommandFailed) as refused:
            asks.commander.send("mute", "run.cancel", {}, actor="ada", timeout_s=20.0)
        failed.append(str(refused.value))

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(lambda: asks.commander.recent(), what="the command")
    (node,) = [each for each in asks.nodes.all() if each.record.node_id == "mute"]
    assert asks.nodes.declare_lost("mute", beat=node.beat, by="asks", at=1.0)
    sender.join(10)
    assert failed == ["node mute is lost"]


def test_a_lost_node_takes_up_nothing(open_node: OpenNode) -> None:
    store = open_node("lost")
    store.nodes.join(a_node("lost"))
    (node,) = store.nodes.all()
    store.nodes.declare_lost("lost", beat=node.beat, by="other", at=1.0)
    now = store.time.now()
    command = CommandRecord(
        command_id="c1", target="lost", kind="k", args={}, actor=None, reason=None, at=now, expires_at=now + 9
    )
    store.commands.put(command, sender="other", key=None)
    assert not store.commands.take("lost", now=now)


def test_the_same_local_command_sent_twice_at_once_is_carried_out_once() -> None:
    commander = LocalCommander(node_id="here", clock=ManualClock())
    begun, go_on, done = threading.Event(), threading.Event(), []

    def act(_: CommandRecord) -> dict[str, object]:
        begun.set()
        go_on.wait(5)
        done.append(1)
        return {"n": len(done)}

    commander.handle("retry", act)
    answers: list[object] = []

    def send() -> None:
        answers.append(commander.send("here", "retry", {}, actor=None, key="k").result)

    first, second = threading.Thread(target=send), threading.Thread(target=send)
    first.start()
    begun.wait(5)
    second.start()
    go_on.set()
    first.join(5)
    second.join(5)
    assert answers == [{"n": 1}, {"n": 1}]
