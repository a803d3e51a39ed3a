"""The bus: everybody hears, nobody breaks the others."""

import logging

import pytest

from octostar_runtime.events import EventBus
from octostar_runtime.models.events import Event


def an_event(kind: str = "test.happened") -> Event:
    return Event(kind=kind, subject="it", at=0.0, node_id="n1")


def test_subscribers_hear_events_in_the_order_they_subscribed() -> None:
    bus = EventBus()
    heard: list[tuple[str, str]] = []
    bus.subscribe(lambda event: heard.append(("first", event.kind)))
    bus.subscribe(lambda event: heard.append(("second", event.kind)))
    bus.publish(an_event())
    assert heard == [("first", "test.happened"), ("second", "test.happened")]


def test_a_subscriber_that_raises_is_counted_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus()
    heard: list[Event] = []

    def broken(_: Event) -> None:
        raise ValueError("no")

    bus.subscribe(broken)
    bus.subscribe(heard.append)
    with caplog.at_level(logging.CRITICAL, logger="octostar_runtime.events"):
        bus.publish(an_event())
    assert len(heard) == 1
    assert bus.failures == 1


def test_after_unsubscribing_nothing_is_heard() -> None:
    bus = EventBus()
    heard: list[Event] = []
    unsubscribe = bus.subscribe(heard.append)
    unsubscribe()
    unsubscribe()
    bus.publish(an_event())
    assert heard == []
