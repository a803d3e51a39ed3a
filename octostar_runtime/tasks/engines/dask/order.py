"""What is sent to a worker, and what comes back over the topic: plain values only."""

import pickle
from dataclasses import dataclass

#: Results up to this size come home with the ending; larger ones stay on their worker until somebody asks.
INLINE_BYTES = 2**20
#: Intermediate results are kept by the scheduler for a while, so they are small or they are refused.
PARTIAL_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt of a run for a worker. ``key`` is Dask's name for it: the run id, and the attempt after the first.

    ``assignment`` is packed; ``kept_bytes`` bounds what a worker keeps of results that nobody has asked for.
    """

    key: str
    topic: str
    assignment: bytes
    kept_bytes: int

    def packed(self) -> bytes:
        """Return it as bytes."""
        return pickle.dumps(self, protocol=5)

    @staticmethod
    def read(packed: bytes) -> "Order":
        """Return what ``packed`` was made of."""
        found: Order = pickle.loads(packed)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message of a worker about an order. ``body`` is packed news or a packed :class:`End`."""

    key: str
    kind: str  # "started" | "news" | "ended"
    worker: str
    address: str
    body: bytes = b""

    def wire(self) -> list[object]:
        """Return it as what msgpack carries."""
        return [self.key, self.kind, self.worker, self.address, self.body]

    @staticmethod
    def read(wire: object) -> "Told":
        """Return what ``wire`` was made of; ValueError for what none of ours has sent."""
        if not isinstance(wire, list | tuple) or len(wire) != 5:
            raise ValueError(f"not a message of a worker: {wire!r:.80}")
        key, kind, worker, address, body = wire
        return Told(key=str(key), kind=str(kind), worker=str(worker), address=str(address), body=bytes(body))


def key_of(run_id: str, attempt: int, again: int = 0) -> str:
    """Return Dask's key of an attempt: never used twice, since a key that was cancelled cannot be."""
    key = run_id if attempt == 1 else f"{run_id}/{attempt}"
    return f"{key}~{again}" if again else key


def run_of_key(key: object) -> str:
    """Return the run id that a key belongs to."""
    return str(key).partition("~")[0].partition("/")[0]
