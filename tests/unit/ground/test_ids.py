"""Identifiers: unique, canonical, sorted by time."""

import threading
import uuid

from octostar_runtime.ids import new_id


def test_ids_are_canonical_uuids_of_version_seven() -> None:
    parsed = uuid.UUID(new_id())
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122


def test_ids_made_one_after_the_other_sort_in_that_order() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_of_many_threads_never_collide() -> None:
    made: list[list[str]] = [[] for _ in range(8)]
    threads = [threading.Thread(target=lambda own=own: own.extend(new_id() for _ in range(2_000))) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [one for own in made for one in own]
    assert len(set(everything)) == 16_000
    assert all(own == sorted(own) for own in made)
