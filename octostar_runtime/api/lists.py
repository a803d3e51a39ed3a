"""Lists: one envelope, cursors that lead on from the last item seen, and no validation of what we made ourselves."""

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query, Response
from pydantic import BaseModel, Field, TypeAdapter
from starlette.exceptions import HTTPException

T = TypeVar("T")
MAX_PAGE = 500

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="items on one page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    total: int = Field(description="how many there are in all, before paging")
    next: str | None = Field(None, description="cursor of the next page; null on the last one")
    taken_at: float = Field(description="the moment the list shows, UTC seconds")


def page_of(items: Sequence[T], *, key: Callable[[T], str], cursor: str | None, limit: int, taken_at: float) -> Page[T]:
    """Cut one page out of a list held in memory. The cursor is the key of the last item of the page before."""
    start = 0
    if cursor is not None:
        found = next((index for index, item in enumerate(items) if key(item) == cursor), None)
        if found is None:
            raise unknown_cursor()
        start = found + 1
    cut = list(items[start : start + limit])
    more = start + limit < len(items)
    return Page[Any].model_construct(
        items=cut, total=len(items), next=key(cut[-1]) if more else None, taken_at=taken_at
    )


def unknown_cursor() -> HTTPException:
    """Return the error for a cursor whose place is gone."""
    return HTTPException(404, "the place this cursor marks is gone; start again without a cursor")


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def reply(
    kind: Any, value: object, *, status: int = 200, headers: dict[str, str] | None = None, tagged: bool = False
) -> Response:
    """Return ``value`` as JSON of the given type. It is our own frozen record, so it is written, not validated.

    ``tagged`` gives it an ETag of its contents, so that who asks again hears in few bytes that nothing changed.
    """
    body = _adapter(kind).dump_json(value, warnings=False)
    if tagged:
        tag = hashlib.blake2b(body, digest_size=12).hexdigest()
        headers = {"ETag": f'W/"{tag}"', "Cache-Control": "private, no-cache", **(headers or {})}
    return Response(
        body, status, media_type="application/json", headers={"Cache-Control": "no-store", **(headers or {})}
    )
