"""The same call sent twice runs once: a client's key leads back to the run it started, also after a restart."""

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from octostar_runtime.errors import InvalidTransition, StoreUnavailable
from octostar_runtime.models.calls import KeyedCall
from octostar_runtime.ports import CallKeys

logger = logging.getLogger(__name__)
#: Calls of this process that are remembered beside the store, in case it could not be told of them.
REMEMBERED = 1_000


class IdempotencyKeys:
    """Remember in the store which run a key started. Safe from any thread.

    ``publish`` stores what the runtime knows of its runs, so that whoever finds a key there finds its run, too.
    """

    def __init__(self, keys: CallKeys, publish: Callable[[], object]) -> None:
        self._keys = keys
        self._publish = publish
        self._lock = threading.Lock()
        self._untold: OrderedDict[str, KeyedCall] = OrderedDict()

    def run_once(self, key: str, content: str, start: Callable[[], str]) -> tuple[str, bool]:
        """Return (run_id, whether it was started now).

        ``content`` stands for the request: InvalidTransition when the key was used with another one, or when the
        first request with it is still being taken. StoreUnavailable when nobody can tell whether it is the first.
        """
        key = hashlib.sha256(key.encode()).hexdigest()
        with self._lock:
            known = self._untold.get(key)
        known = known or self._keys.claim(key, content)
        if known is not None:
            return _run_of(known, content), False
        try:
            run_id = start()
        except BaseException:
            with suppress(StoreUnavailable):  # then it is free as soon as nobody can still be at it
                self._keys.free(key)
            raise
        self._settle(key, content, run_id)
        return run_id, True

    def _settle(self, key: str, content: str, run_id: str) -> None:
        try:
            self._publish()
            self._keys.settle(key, run_id)
        except StoreUnavailable as error:
            logger.warning("only this process knows of the call that started run %s: %s", run_id, error)
            with self._lock:
                self._untold[key] = KeyedCall(content=content, run_id=run_id)
                while len(self._untold) > REMEMBERED:
                    self._untold.popitem(last=False)


def _run_of(known: KeyedCall, content: str) -> str:
    if known.content != content:
        raise InvalidTransition("this Idempotency-Key was used for another request; use a fresh key")
    if known.run_id is None:
        raise InvalidTransition("the first request with this Idempotency-Key is still being taken; ask again")
    return known.run_id
