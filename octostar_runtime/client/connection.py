"""The connection to a service: addresses, the token, and answers as typed values."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import TypeAdapter

from octostar_runtime.client.answers import Outcomes, Page
from octostar_runtime.client.refusal import check

T = TypeVar("T")
adapter: Callable[[Any], TypeAdapter[Any]] = lru_cache(maxsize=64)(TypeAdapter)


class Connection:
    """Talk to the API at ``url`` (the address of the service, without ``/api``) with a bearer token."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout_s: float = 90.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Scheme, host and port of the service."""
        url = self._http.base_url
        return f"{url.scheme}://{url.netloc.decode()}"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return check(self._http.request(method, path, **options))

    def _act(self, path: str, **body: Any) -> Outcomes:
        return self._read(Outcomes, self._http.post(path, json=body))

    def _page(self, kind: type[T], path: str, /, **params: Any) -> Page[T]:
        given = {name: value for name, value in params.items() if value is not None}
        body = self._request("GET", path, params=given).json()
        reader: TypeAdapter[T] = adapter(kind)
        items = tuple(reader.validate_python(item) for item in body["items"])
        return Page(items=items, total=body.get("total"), next=body.get("next"))

    def _each(self, kind: type[T], path: str) -> tuple[T, ...]:
        reader: TypeAdapter[T] = adapter(kind)
        return tuple(reader.validate_python(item) for item in self._request("GET", path).json())

    def _json(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._request(method, path, **options).json()
        return found

    def _read(self, kind: type[T], response: httpx.Response) -> T:
        reader: TypeAdapter[T] = adapter(kind)
        return reader.validate_json(check(response).content)

    def _one(self, kind: type[T], path: str) -> T:
        return self._read(kind, self._http.get(path))
