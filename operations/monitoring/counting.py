"""How many events of each topic the log has: counted once, and from then on only what came since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from threading import Lock

from ledger.log import Log

_PLACES_MAX = 32
"""More than there are read models, each of which stands somewhere."""


class Counts:
    """What was counted up to the positions that were last asked for. A process that measures again and again keeps one."""

    def __init__(self) -> None:
        self._upto: dict[int, tuple[bytes, Counter[str]]] = {}
        self._lock = Lock()  # each request is answered in a thread of its own

    def seen(self, log: Log, *, through: int, topics: Collection[str]) -> int:
        """How many events of these topics there are up to a position."""
        with self._lock:
            counted = self._through(log, through)
        return sum(counted[topic] for topic in topics)

    def _through(self, log: Log, through: int) -> Counter[str]:
        if not through:
            return Counter()
        base = max((at for at in self._upto if at <= through and self._is_of(log, at)), default=0)
        counted = self._upto.pop(base)[1] if base == through else Counter(log.counts(after=base, through=through))
        if 0 < base < through:
            counted += self._upto[base][1]
        # The one that was asked for last stands last; of a log that grows, the first ones are no longer asked for.
        self._upto[through] = (log.at([through])[0].hash, counted)
        while len(self._upto) > _PLACES_MAX:
            del self._upto[next(iter(self._upto))]
        return counted

    def _is_of(self, log: Log, position: int) -> bool:
        """Whether what was counted up to a position was counted in this log, and not in one that was since put back."""
        found = log.at([position])
        return bool(found) and found[0].hash == self._upto[position][0]
