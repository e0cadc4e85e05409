"""The figures as OpenMetrics, the text that monitoring systems read: into a file, or from an endpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from operations.monitoring.measuring import HELP, Figure

_LABELS = {
    "daybook_backup_copies": "tier", "daybook_backup_age_seconds": "tier", "daybook_table_rows": "table",
    "daybook_job_age_seconds": "job",
}  # fmt: skip


class Figures(Collector):
    """Measures anew whenever it is asked."""

    def __init__(self, measure: Callable[[], Sequence[Figure]]) -> None:
        self._measure = measure

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family for each name that was measured."""
        families: dict[str, GaugeMetricFamily] = {}
        for name, label, value in self._measure():
            labels = [_LABELS.get(name, "database")] if label else []
            family = families.setdefault(name, GaugeMetricFamily(name, HELP[name], labels=labels))
            family.add_metric([label] if label else [], value)
        yield from families.values()


def _registry(measure: Callable[[], Sequence[Figure]]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(measure))
    return registry


def text(figures: Sequence[Figure]) -> bytes:
    """The figures as text."""
    # The library has no types for this one.
    return bytes(generate_latest(_registry(lambda: figures)))  # type: ignore[no-untyped-call]


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the text so that a reader sees the old or the new, as the collectors of text files expect."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(text(figures))
    beside.replace(path)


def serve(measure: Callable[[], Sequence[Figure]], *, host: str, port: int) -> WSGIServer:
    """Answer with what is measured at each request, in a thread; the server that comes back can be shut down."""
    server, _ = start_http_server(port, addr=host, registry=_registry(measure))
    return server
