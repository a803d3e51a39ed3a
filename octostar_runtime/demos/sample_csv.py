"""A CSV of any length that needs no disk: rows are made while they are read."""

import io
from collections.abc import Iterator
from typing import Any

ROWS = 1_000_000
_BLOCK = 10_000
_HEADER = "order_id,ordered_on,city,product,quantity,price,rating\n"
_CITIES = ("Berlin", "Lisbon", "Lyon", "Milan", "Oslo", "Porto", "Riga", "Seville", "Tallinn", "Vienna")
_PRODUCTS = ("cable", "case", "display", "keyboard", "lamp", "mouse", "speaker")


class SampleCsv(io.RawIOBase):
    """A readable binary file of ``rows`` made-up orders, the same for the same ``seed``."""

    def __init__(self, rows: int = ROWS, *, seed: int = 7) -> None:
        super().__init__()
        self.rows = rows
        self._seed = seed
        self._blocks = _blocks(rows, seed)
        self._rest = b""

    def __reduce__(self) -> tuple[Any, ...]:
        # in another process it begins with the first row
        return _sample, (self.rows, self._seed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._blocks, b"")
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _sample(rows: int, seed: int) -> SampleCsv:
    return SampleCsv(rows, seed=seed)


def _blocks(rows: int, seed: int) -> Iterator[bytes]:
    import numpy as np

    random = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01") + np.arange(366)
    yield _HEADER.encode()
    for start in range(0, rows, _BLOCK):
        size = min(_BLOCK, rows - start)
        columns = (
            np.arange(start + 1, start + size + 1).tolist(),
            days[random.integers(0, len(days), size)].astype(str).tolist(),
            [_CITIES[i] for i in random.integers(0, len(_CITIES), size)],
            [_PRODUCTS[i] for i in random.integers(0, len(_PRODUCTS), size)],
            random.poisson(2.5, size).tolist(),
            np.round(random.lognormal(3.2, 0.6, size), 2).tolist(),
            # a twentieth of the buyers give no rating
            np.where(random.random(size) < 0.05, "", random.integers(1, 6, size).astype(str)).tolist(),
        )
        yield "".join(f"{a},{b},{c},{d},{e},{f},{g}\n" for a, b, c, d, e, f, g in zip(*columns, strict=True)).encode()
