"""Query parameters take one value each; which of two is meant is not ours to guess."""

from collections import Counter

from fastapi import Request
from fastapi.exceptions import RequestValidationError


async def single_values(request: Request) -> None:
    """Raise RequestValidationError when a query parameter was sent more than once."""
    sent = Counter(name for name, _ in request.query_params.multi_items())
    faults = [
        {"type": "repeated", "loc": ("query", name), "msg": f"was sent {times} times and takes one value"}
        for name, times in sent.items()
        if times > 1
    ]
    if faults:
        raise RequestValidationError(faults)
