"""OpenTelemetry: a span for each execution of a run, under the span of whoever submitted it.

Who submitted it is the span that was current then (an API request, the app's own instrumentation); a run that a page
submitted outside of any span goes under a span of its session. Only ``opentelemetry-api`` is needed; while no SDK is
set up nothing here is done and nothing is kept.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context as ContextVars
from typing import Protocol

from opentelemetry import context as otel
from opentelemetry import propagate, trace
from opentelemetry.trace import ProxyTracerProvider, Span, SpanKind, Status, StatusCode, TracerProvider

from octostar_runtime.models.events import Event

logger = logging.getLogger(__name__)
NAME = "octostar_runtime"
#: Sessions whose span is open; beyond it the oldest is closed.
SESSIONS = 10_000
Finished = Callable[[str, str | None], None]


class Execution(Protocol):
    """What a span tells of a run; the task manager's own record of it is one."""

    @property
    def run_id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def session_id(self) -> str | None: ...

    @property
    def context(self) -> ContextVars | None: ...


class Spans:
    """Makes the spans of one process. ``provider`` is for tests; normally it is whatever the app has set up."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Span] = OrderedDict()
        trace.get_tracer_provider()  # one that the environment names is loaded by the first question

    @property
    def enabled(self) -> bool:
        """Whether somebody listens."""
        if self._provider is not None:
            return True
        # The public question looks into the environment each time, which would be a tenth of what a run costs.
        if getattr(trace, "_TRACER_PROVIDER", trace) is None:
            return False
        return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)

    def watch(self, run: Execution) -> Finished | None:
        """Open the span of an execution and make it current in the run's context; returns what closes it.

        Called on the worker's thread around each attempt; never raises.
        """
        if not self.enabled:
            return None
        try:
            return self._open(run)
        except Exception:
            logger.exception("the span of run %s could not be opened", run.run_id)
            return None

    @contextmanager
    def request(self, headers: Mapping[str, str], name: str) -> Iterator[None]:
        """Make a span for an API request the current one, below its ``traceparent`` or a span that is there already."""
        if not self.enabled:
            yield
            return
        here = trace.get_current_span().get_span_context().is_valid
        above = otel.get_current() if here else propagate.extract(headers)
        kind = SpanKind.INTERNAL if here else SpanKind.SERVER
        with self._tracer().start_as_current_span(name, context=above, kind=kind):
            yield

    def hear(self, event: Event) -> None:
        """Close the span of a session that has ended."""
        if event.kind == "session.ended":
            with self._lock:
                span = self._sessions.pop(event.subject, None)
            if span is not None:
                span.end()

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            spans, self._sessions = list(self._sessions.values()), OrderedDict()
        for span in spans:
            span.end()

    def _tracer(self) -> trace.Tracer:
        return trace.get_tracer(NAME, tracer_provider=self._provider)

    def _open(self, run: Execution) -> Finished:
        where = run.context
        above = where.run(otel.get_current) if where is not None else otel.Context()
        if not trace.get_current_span(above).get_span_context().is_valid and run.session_id is not None:
            above = trace.set_span_in_context(self._session(run.session_id), above)
        attributes: dict[str, str | int] = {"octostar.run_id": run.run_id, "octostar.task": run.name}
        attributes["octostar.attempt"] = run.attempt
        if run.session_id is not None:
            attributes["octostar.session_id"] = run.session_id
        span = self._tracer().start_span(f"task {run.name}", context=above, attributes=attributes)
        token = None if where is None else where.run(otel.attach, trace.set_span_in_context(span, above))

        def finish(state: str, error: str | None) -> None:
            if where is not None and token is not None:
                where.run(otel.detach, token)
            span.set_attribute("octostar.state", state)
            if error is not None:
                span.set_status(Status(StatusCode.ERROR, error[:500]))
            span.end()

        return finish

    def _session(self, session_id: str) -> Span:
        with self._lock:
            span = self._sessions.get(session_id)
            if span is None:
                attributes = {"octostar.session_id": session_id}
                span = self._tracer().start_span("session", context=otel.Context(), attributes=attributes)
                self._sessions[session_id] = span
            oldest = self._sessions.popitem(last=False)[1] if len(self._sessions) > SESSIONS else None
        if oldest is not None:
            oldest.end()
        return span
