"""What every store does with leases, documents and credentials."""

import threading

import pytest

from octostar_runtime.errors import VersionConflict
from octostar_runtime.models.access import Credential, Role
from octostar_runtime.store import Store
from octostar_runtime.testing import ManualClock


def test_a_lease_has_one_holder_until_it_expires(store: Store, clock: ManualClock) -> None:
    assert store.leases.acquire("controller", "a", 10)
    assert not store.leases.acquire("controller", "b", 10)
    clock.advance(6)
    assert store.leases.acquire("controller", "a", 10)
    clock.advance(6)
    assert not store.leases.acquire("controller", "b", 10)
    clock.advance(5)
    assert store.leases.holders() == []
    assert store.leases.acquire("controller", "b", 10)
    assert not store.leases.acquire("controller", "a", 10)


def test_a_released_lease_is_free_and_only_its_holder_releases_it(store: Store) -> None:
    store.leases.acquire("hold/1", "a", 10, note="demo")
    store.leases.release("hold/1", "b")
    assert [(name, holder, note) for name, holder, _, note in store.leases.holders("hold/")] == [
        ("hold/1", "a", "demo")
    ]
    store.leases.release("hold/1", "a")
    assert store.leases.holders("hold/") == []


def test_only_one_of_many_at_once_gets_the_lease(store: Store) -> None:
    won: list[str] = []
    ready = threading.Barrier(8)

    def contend(name: str) -> None:
        ready.wait()
        if store.leases.acquire("controller", name, 10):
            won.append(name)

    threads = [threading.Thread(target=contend, args=(f"n{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_the_second_of_two_editors_is_told_and_nothing_is_lost(store: Store) -> None:
    assert store.documents.load("policy") is None
    assert store.documents.save("policy", {"mode": "off"}, expected=0, actor="ada") == 1
    assert store.documents.save("policy", {"mode": "enforce"}, expected=1, actor="bob") == 2
    with pytest.raises(VersionConflict) as conflict:
        store.documents.save("policy", {"mode": "dry_run"}, expected=1, actor="eve")
    assert conflict.value.current == 2
    assert store.documents.load("policy") == ({"mode": "enforce"}, 2)
    assert [(version, actor) for version, _, actor, _ in store.documents.history("policy")] == [(2, "bob"), (1, "ada")]


def credential(number: int, kind: str = "link", *, expires_at: float = 2_000_000_000.0) -> Credential:
    return Credential(
        credential_id=f"c{number}",
        kind=kind,
        digest=f"digest{number}",
        subject="ada",
        role=Role.OPERATOR,
        created_at=float(number),
        expires_at=expires_at,
        scopes=frozenset({"read", "cancel"}),
    )


def test_a_credential_comes_back_as_it_was(store: Store) -> None:
    store.credentials.put(credential(1))
    store.credentials.put(credential(2))
    assert store.credentials.find("digest1") == credential(1)
    assert store.credentials.find("unknown") is None
    assert [each.credential_id for each in store.credentials.all("link")] == ["c2", "c1"]


def test_a_one_use_credential_is_used_once_even_by_many_at_once(store: Store) -> None:
    store.credentials.put(credential(1))
    used: list[Credential] = []
    ready = threading.Barrier(8)

    def use() -> None:
        ready.wait()
        if (found := store.credentials.consume("digest1", at=5.0)) is not None:
            used.append(found)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.revoked_at for each in used] == [5.0]


def test_an_expired_credential_cannot_be_used(store: Store) -> None:
    store.credentials.put(credential(1, expires_at=10.0))
    assert store.credentials.consume("digest1", at=10.0) is None


def test_a_revoked_credential_stays_revoked_when_an_older_copy_is_stored(store: Store) -> None:
    store.credentials.put(credential(1, "token"))
    assert store.credentials.revoke("c1", at=7.0)
    assert not store.credentials.revoke("c1", at=8.0)
    store.credentials.put(credential(1, "token"))
    found = store.credentials.find("digest1")
    assert found is not None
    assert found.revoked_at == 7.0


def test_the_last_use_of_a_credential_is_kept_and_never_goes_back(store: Store) -> None:
    store.credentials.put(credential(1, "token"))
    store.credentials.note_used({"c1": 20.0, "gone": 20.0})
    store.credentials.note_used({"c1": 10.0})
    assert [each.last_used_at for each in store.credentials.all("token")] == [20.0]
