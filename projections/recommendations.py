"""Recommendations from two legacy files: which of them cache.db shows.

`recommendations_copies` holds every recommendation there is, by uuid and copy. What `recommendations` shows of them
depends on these alone, so batches do not matter: of the copies of one uuid the newest, and of the uuids that recommend
the same (symbol, side, reason, portfolio) the newest. On a tie the proper home counts, then the later event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw
import msgspec
from msgspec import field

from domain.advice import RecommendationIssued, RecommendationRemoved
from domain.event import encode
from projections.bulk import Row, Upsert, quoted
from projections.projector import Fact

PROPER = ""

Subject = tuple[str, str, str, str]
"""Symbol, side, reason and portfolio: what no two recommendations shown may have in common."""


class Recommendation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `recommendations`; quantity, a whole number in the legacy files, stays one where it is."""

    uuid: str
    symbol: str
    isin: str | None = None
    name: str | None = None
    side: str
    amount: float | None = None
    quantity: int | float | None = None
    estimated_price: float | None = None
    estimated_value: float | None = None
    reason: str
    country: str | None = None
    industry: str | None = None
    currency: str | None = None
    priority: float | None = None
    current_portfolio_score: float | None = None
    new_portfolio_score: float | None = None
    score_change: float | None = None
    status: str | None = None
    portfolio_hash: str
    created_at: str
    updated_at: str | None = field(name="occurred_at", default=None)
    executed_at: str | None = None
    dismissed_at: str | None = None
    geography: str | None = None


class Candidate(Recommendation, frozen=True, kw_only=True, gc=False):
    """A row of `recommendations_copies`, its last two columns after all others."""

    copy: str = PROPER
    position: int = 0

    @property
    def subject(self) -> Subject:
        return (self.symbol, self.side, self.reason, self.portfolio_hash)

    @property
    def rank(self) -> tuple[str, bool, int]:
        """The greater one counts."""
        return (self.updated_at or "", self.copy == PROPER, self.position)


_read_row = msgspec.json.Decoder(Recommendation, strict=False).decode  # "0.1" becomes the exact double
_SHOWN, _ALL = Recommendation.__struct_fields__, Candidate.__struct_fields__
_show = Upsert("recommendations", _SHOWN, ("uuid",))
_keep = Upsert("recommendations_copies", _ALL, ("uuid", "copy"))

_FORGET = "DELETE FROM recommendations_copies WHERE uuid = ? AND copy = ?"
_SUBJECTS = "SELECT symbol, side, reason, portfolio_hash FROM recommendations_copies WHERE uuid = ?"
_SAME_SUBJECT = "symbol = ? AND side = ? AND reason = ? AND portfolio_hash = ?"
_HIDE = f"DELETE FROM recommendations WHERE {_SAME_SUBJECT}"
_RIVALS = (
    f"SELECT {quoted(_ALL)} FROM recommendations_copies "
    f"WHERE uuid IN (SELECT uuid FROM recommendations_copies WHERE {_SAME_SUBJECT})"
)


def fold(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    """Note what was issued and removed, and elect again whatever that concerns."""
    changed: dict[tuple[str, str], Candidate | None] = {}
    for position, event in facts:
        assert isinstance(event, RecommendationIssued | RecommendationRemoved)
        key = (event.uuid, event.copy or PROPER)
        changed[key] = _candidate(position, event) if isinstance(event, RecommendationIssued) else None
    found: set[Subject] = set(db.executemany(_SUBJECTS, [[uuid] for uuid in {uuid for uuid, _ in changed}]))
    # Sorted, because neighbouring keys share pages of the indexes.
    stated = sorted(filter(None, changed.values()), key=lambda one: one.uuid)
    subjects = sorted(found.union(candidate.subject for candidate in stated))
    db.executemany(_FORGET, [key for key, candidate in changed.items() if candidate is None])
    _keep.rows(db, [_values(candidate) for candidate in stated])
    rivals = [Candidate(**dict(zip(_ALL, row, strict=True))) for row in db.executemany(_RIVALS, subjects)]
    db.executemany(_HIDE, subjects)
    concerned = set(subjects)
    _show.rows(db, [_values(winner)[: len(_SHOWN)] for winner in elected(rivals) if winner.subject in concerned])


def elected(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The newest of each uuid, and of these the newest of each subject."""
    by_uuid: dict[str, Candidate] = {}
    for candidate in candidates:
        held = by_uuid.get(candidate.uuid)
        by_uuid[candidate.uuid] = max(held, candidate, key=lambda one: one.rank) if held else candidate
    by_subject: dict[Subject, Candidate] = {}
    for candidate in by_uuid.values():
        held = by_subject.get(candidate.subject)
        by_subject[candidate.subject] = max(held, candidate, key=lambda one: one.rank) if held else candidate
    return list(by_subject.values())


def _candidate(position: int, event: RecommendationIssued) -> Candidate:
    row = _read_row(encode(event))
    return Candidate(**msgspec.structs.asdict(row), copy=event.copy or PROPER, position=position)


def _values(candidate: Candidate) -> Row:
    return msgspec.structs.astuple(candidate)
