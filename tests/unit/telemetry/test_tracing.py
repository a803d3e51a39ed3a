"""A run's span belongs to the trace of the request that submitted it."""

from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from octostar_runtime.tasks import TaskManager
from octostar_runtime.telemetry import tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_the_span_of_a_run_continues_the_requests_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    tasks = TaskManager()
    try:
        with tracing.continued({"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}):
            run_id = tasks.submit("t", tracing.Traced(lambda task: None, "report"))
        assert tasks.wait("t", 10)
    finally:
        tasks.close(5)
    (span,) = exporter.get_finished_spans()
    assert span.name == "task report"
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert (span.attributes or {})["octostar.run_id"] == run_id


def test_without_an_sdk_a_run_is_just_run() -> None:
    assert tracing.Traced(lambda task, a: a + 1, "add")(SimpleNamespace(run_id="r"), a=1) == 2
