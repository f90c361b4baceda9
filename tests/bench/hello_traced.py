"""Hello-world under OpenTelemetry's WSGI middleware, as its documentation sets it up; its spans are thrown away."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from tests.bench import hello


class Discarded(SpanExporter):
    """Takes the spans of each batch, and sends them nowhere."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Discarded()))
app = OpenTelemetryMiddleware(hello.app, tracer_provider=provider)
