"""A ledger of millions of small events: what one answer costs when the log is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

from benchmarks.measuring import Row, Sizes, timed
from domain import event as events
from domain.event import topic_of
from domain.portfolio import MetricCalculated
from ledger.log import Entry, open_log
from operations.auditing import history, show
from operations.past import stream_as_of
from operations.sealing import prove, seal

_STREAMS = 100_000
_BATCH = 50_000
_ASKED = 20


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """The log is made with the program's own append; then events in random places are asked for."""
    home, count = place / "home", sizes.large_events
    made = timed(lambda: make(home, count))
    yield Row(work=f"append {count:,} small events, {_BATCH:,} at a time", count=count, unit="events", ours=[made])
    sealed = timed(lambda: seal(home))
    size = (home / "ledger.db").stat().st_size
    note = f"ledger.db {size / 1e9:.2f} GB, {size / count:.0f} bytes an event"
    yield Row(work=f"first seal of {count:,} events", count=count, unit="events", ours=[sealed], note=note)
    random = Random(1)  # the same places each time
    places = [random.randint(1, count) for _ in range(_ASKED)]
    streams = [_stream(place % _STREAMS) for place in places]
    asked: dict[str, Callable[[int], object]] = {
        "show": lambda at: show(home, places[at]),
        "history": lambda at: list(history(home, streams[at])),
        "prove": lambda at: prove(home, str(places[at])),
    }
    asked["as-of of one stream"] = lambda at: stream_as_of(home, "2015-06-30", None, streams[at])
    for name, ask in asked.items():
        seconds = [timed(lambda at=at, ask=ask: ask(at)) for at in range(_ASKED)]  # type: ignore[misc]
        goal = 1.0 if name.startswith("as-of") else 0.1
        yield Row(work=f"{name} in a log of {count:,} events", count=1, unit="answer", ours=seconds, goal_s=goal)


def make(home: Path, count: int) -> None:
    """A log of `count` metrics in 100,000 streams."""
    topic = topic_of(MetricCalculated)
    with open_log(home, create=True, write=True) as log:
        for start in range(0, count, _BATCH):
            log.append([_entry(number, topic) for number in range(start, min(start + _BATCH, count))])


def _entry(number: int, topic: str) -> Entry:
    of_stream, day = number % _STREAMS, number // _STREAMS
    event = MetricCalculated(
        occurred_at=f"20{day // 360 + 10:02}-{day // 30 % 12 + 1:02}-{day % 30 + 1:02}T10:00:00.000000Z",
        symbol=f"S{of_stream // 10}.US", metric=f"METRIC_{of_stream % 10}", value=Decimal(number % 1_000) / 8,
        source="calculated",
    )  # fmt: skip
    return Entry(_stream(of_stream), topic, events.encode(event))


def _stream(number: int) -> str:
    return f"metric:S{number // 10}.US:METRIC_{number % 10}"
