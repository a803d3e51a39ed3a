"""A run's span belongs to the request or the session that submitted it, and costs nothing when nobody listens."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from octostar_runtime.models.events import Event
from octostar_runtime.tasks import TaskManager
from octostar_runtime.telemetry import Spans

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


class Traced:
    """A task manager whose spans are kept."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.spans = Spans(self.provider)
        self.tasks = TaskManager()
        self.tasks.watch_executions(self.spans.watch)

    def run(self, fn: Any, **options: Any) -> str:
        """Submit and wait until all is told."""
        run_id = self.tasks.submit("t", fn, name="report", **options)
        assert self.tasks.wait_run(run_id, 10)
        return run_id

    def finished(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.exporter.get_finished_spans() if span.name == name]
        return span


@pytest.fixture
def traced() -> Iterator[Traced]:
    made = Traced()
    yield made
    made.spans.close()
    made.tasks.close(5)


def _context(span: ReadableSpan) -> trace.SpanContext:
    context = span.get_span_context()
    assert isinstance(context, trace.SpanContext)
    return context


def test_the_span_of_a_run_is_below_the_request_and_continues_its_trace(traced: Traced) -> None:
    with traced.spans.request(HEADERS, "POST /api/functions/report"):
        run_id = traced.run(lambda task: None)
    run, request = traced.finished("task report"), traced.finished("POST /api/functions/report")
    assert f"{_context(run).trace_id:032x}" == TRACE
    assert run.parent is not None
    assert run.parent.span_id == _context(request).span_id
    assert (run.attributes or {})["octostar.run_id"] == run_id
    assert (run.attributes or {})["octostar.state"] == "success"


def test_a_span_of_the_app_is_the_parent_and_the_runs_own_span_is_current_inside(traced: Traced) -> None:
    inside: list[trace.SpanContext] = []
    with traced.provider.get_tracer("app").start_as_current_span("page") as page:
        traced.run(lambda task: inside.append(trace.get_current_span().get_span_context()))
    run = traced.finished("task report")
    assert run.parent is not None
    assert run.parent.span_id == page.get_span_context().span_id
    assert inside == [_context(run)]


def test_what_a_session_submits_is_below_the_session_until_it_ends(traced: Traced) -> None:
    for _ in range(2):
        traced.run(lambda task: None, session_id="s-1")
    traced.spans.hear(Event(kind="session.ended", subject="s-1", at=0.0, node_id="n"))
    session = traced.finished("session")
    runs = [span for span in traced.exporter.get_finished_spans() if span.name == "task report"]
    assert [span.parent.span_id for span in runs if span.parent] == [_context(session).span_id] * 2
    assert (session.attributes or {})["octostar.session_id"] == "s-1"


def test_every_attempt_has_a_span_and_a_failure_says_why(traced: Traced) -> None:
    def fail(task: Any) -> None:
        raise ValueError("no such table")

    traced.run(fail, retries=1, backoff_s=0.01)
    attempts = [span for span in traced.exporter.get_finished_spans() if span.name == "task report"]
    assert [(span.attributes or {})["octostar.attempt"] for span in attempts] == [1, 2]
    assert all("no such table" in (span.status.description or "") for span in attempts)


def test_without_an_sdk_nothing_is_opened_and_nothing_is_kept() -> None:
    spans, tasks = Spans(), TaskManager()
    assert not spans.enabled
    tasks.watch_executions(spans.watch)
    try:
        run_id = tasks.submit("t", lambda task: None, session_id="s-1")
        assert tasks.wait_run(run_id, 10)
    finally:
        tasks.close(5)
    assert not spans._sessions
    with spans.request(HEADERS, "POST /x"):
        assert not trace.get_current_span().get_span_context().is_valid


def test_an_sdk_that_is_set_up_later_is_noticed_at_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = Spans()
    assert not spans.enabled
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider())
    assert spans.enabled
    monkeypatch.delattr(trace, "_TRACER_PROVIDER")  # a release of OpenTelemetry that keeps it elsewhere
    monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
    assert spans.enabled
