"""The proof: legacy rows rebuilt from the log alone, compared with the frozen copy by value and storage class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import apsw

from ledger.log import Log
from replay import provenance
from replay.blocks import SeriesTranslator
from replay.market_blocks import MarketSeries
from replay.reading import CHUNK, Table, count
from replay.reconciling import Break
from replay.reshaping import ReshapedMemory, ReshapedTranslator
from replay.seen import SeenTable
from replay.shared_series import ManySeries
from replay.translating import Cells, Translator
from replay.verbatim import NotUtf8, decode_row, exact

NAMED_MAX = 20


class Proof(NamedTuple):
    """Of one table: rows of the frozen copy, how many the log gives back exactly, and the ones it does not, by name."""

    rows: int
    equal: int
    mismatches: list[Break]


def rows_in(db: apsw.Connection, table: Table) -> int:
    """The number of rows of a table."""
    return count(db, table.name)


Places = SeenTable | ReshapedMemory


def prove_table(
    translator: Translator | SeriesTranslator | ManySeries | MarketSeries, db: apsw.Connection, memory: Places, log: Log
) -> Proof:
    """Compare every row of a frozen table with what the log gives back for it."""
    if isinstance(translator, Translator):
        return _prove_rows(translator, translator.rows(db), memory, log)
    assert isinstance(memory, SeenTable)
    if isinstance(translator, MarketSeries):
        return _prove_market(translator, memory, log)
    if isinstance(translator, SeriesTranslator):
        return _prove_series(translator, db, memory, log)
    proofs = [_prove_series(part, db, memory, log) for part in translator.parts]
    proofs.append(_prove_rows(translator.fallback, translator.rest(db), memory, log))
    mismatches = [one for proof in proofs for one in proof.mismatches]
    return Proof(sum(one.rows for one in proofs), sum(one.equal for one in proofs), mismatches[:NAMED_MAX])


def _prove_rows(translator: Translator, pages: Iterable[list[Cells]], memory: Places, log: Log) -> Proof:
    rows = equal = 0
    mismatches: list[Break] = []
    for page in pages:
        rows += len(page)
        for row, found in zip(page, _recorded(translator, page, memory, log), strict=True):
            cells = row[: len(translator.table.columns)]
            if found is not None and exact(found) == exact(cells):
                equal += 1
            elif len(mismatches) < NAMED_MAX:
                mismatches.append(_mismatch(translator, cells, found))
    return Proof(rows, equal, mismatches)


def _recorded(
    translator: Translator, page: Sequence[Cells], memory: Places, log: Log
) -> Iterator[tuple[Any, ...] | None]:
    """For each row of a page the row as the log has it: as an event or as a kept row, the newest unless another is equal.

    A row that is only kept may have the key of one that is an event: 5 and '5' name the same stream.
    """
    names = [translator.proof_streams(row) for row in page]
    places = memory.places([name for pair in names for name in pair if name])
    positions = [sorted({places[name] for name in pair if name in places}, reverse=True) for pair in names]
    stored = {one.position: one for one in log.at(list({at for some in positions for at in some}))}
    for row, some in zip(page, positions, strict=True):
        cells = exact(row[: len(translator.table.columns)])
        held = [_cells_of(stored[at].source, translator) for at in some]
        yield next((one for one in held if exact(one) == cells), held[0] if held else None)


def _cells_of(source: str | None, translator: Translator) -> tuple[Any, ...]:
    about = provenance.decode(source or "")
    if isinstance(translator, ReshapedTranslator) and (meant := translator.shape.recorded(source)) is not None:
        return meant
    held = decode_row(about.row)
    return tuple(held.get(name) for name in translator.table.columns)


def for_proof(translator: SeriesTranslator, memory: SeenTable, log: Log) -> SeriesTranslator:
    """The same series, looked up in what the log has by now."""
    return translator.again(memory, log)


def _prove_series(translator: SeriesTranslator, db: apsw.Connection, memory: SeenTable, log: Log) -> Proof:
    rows = equal = 0
    mismatches: list[Break] = []
    recorded = for_proof(translator, memory, log)
    for page in recorded.rows(db):
        rows += len(page)
        missing = [row for row, same in zip(page, recorded.same_as_recorded(page), strict=True) if not same]
        equal += len(page) - len(missing)
        for row, found in zip(missing, _recorded(translator.fallback, missing, memory, log), strict=True):
            cells = row[: len(translator.table.columns)]
            if found is not None and exact(found) == exact(cells):
                equal += 1
            elif len(mismatches) < NAMED_MAX:
                mismatches.append(_mismatch(translator.fallback, cells, found))
    return Proof(rows, equal, mismatches)


def _prove_market(series: MarketSeries, memory: SeenTable, log: Log) -> Proof:
    """The rows of blocks are compared inside DuckDB, those that fit none one by one, with the kept rows of the log."""
    rows = equal = 0
    mismatches: list[Break] = []
    for total, in_blocks, unfit in series.unproven(log):
        rows += total
        equal += in_blocks
        fitting = total
        while page := [row for row, _ in islice(unfit, CHUNK)]:
            fitting -= len(page)
            kept = _prove_rows(series.fallback, [page], memory, log)
            equal += kept.equal
            mismatches += kept.mismatches
        mismatches += [_unlike(series, row) for row in series.missing(fitting - in_blocks)]
    return Proof(rows, equal, mismatches[:NAMED_MAX])


def _unlike(series: MarketSeries, row: str) -> Break:
    return Break(
        kind="proof", subject=f"{series.fallback.file} {series.table.name} {row}", expected="this row", found="another or none",
        reason="no block of the log holds it so",
    )  # fmt: skip


def _mismatch(translator: Translator, cells: Sequence[Any], found: Sequence[Any] | None) -> Break:
    columns = translator.table.columns
    key = {name: cells[columns.index(name)] for name in translator.table.key} or {"row": cells[0]}
    subject = f"{translator.file} {translator.table.name} " + ", ".join(f"{k}={v!r}" for k, v in key.items())
    if found is None:
        return Break(
            kind="proof",
            subject=subject,
            expected=repr(tuple(cells)),
            found="nothing",
            reason="the row is not in the log",
        )
    differing = [name for name, a, b in zip(columns, cells, found, strict=True) if exact([a]) != exact([b])]
    return Break(
        kind="proof",
        subject=f"{subject}: {', '.join(differing)}",
        expected=repr([_shown(cells[columns.index(name)]) for name in differing]),
        found=repr([_shown(found[columns.index(name)]) for name in differing]),
        reason="the log gives another value",
    )


def _shown(cell: Any) -> Any:  # any legacy cell
    return cell.content if isinstance(cell, NotUtf8) else cell
