"""OpenTelemetry: a span for each run, under the span of whoever submitted it.

Only ``opentelemetry-api`` is needed; without an SDK everything here costs next to nothing and records nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, propagate, trace

_tracer = trace.get_tracer("octostar_runtime")


@contextmanager
def continued(headers: Mapping[str, str]) -> Iterator[None]:
    """Make the trace that a request belongs to (``traceparent``) the current one for the block."""
    token = context.attach(propagate.extract(headers))
    try:
        yield
    finally:
        context.detach(token)


class Traced:
    """A task function with a span around each of its runs.

    The task manager carries context variables from the submitter to the worker, so the span finds its parent there.
    """

    def __init__(self, fn: Callable[..., Any], name: str) -> None:
        self._fn = fn
        self._name = name
        self.__qualname__ = name

    def __call__(self, task: Any, **kwargs: Any) -> Any:
        attributes = {"octostar.run_id": str(getattr(task, "run_id", "")), "octostar.task": self._name}
        with _tracer.start_as_current_span(f"task {self._name}", attributes=attributes):
            return self._fn(task, **kwargs)
