"""`cli record --from`: the entries of a file, all of them or none in one transaction, or the good ones and a list of rejects.

All lines are judged inside one transaction that is kept only at the end. That needs no second pass, so it works for a pipe
as well; each line is judged against what the lines before it changed; and SQLite holds what is not yet kept in its log on
disk, so that memory does not grow with the number of lines.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct, field

from domain.entries.base import Entry
from domain.entries.refusal import Refused
from operations.entering.lines import Line, NotEntries, Reader, lines
from operations.entering.session import RECORDED, Session
from operations.ledger import Ledger, Undone, undo

BATCH = 2_000
SHOWN_MAX = 20
_ORIGINAL_MAX = 10_000


class Reject(Struct, frozen=True):
    """A line that was not recorded, and why. original: the line, or its beginning; base64 when it is not UTF-8."""

    line: int
    rule: str
    error: str
    hint: str
    original: str
    is_base64: bool = False


class Summary(Struct, kw_only=True):
    """What became of a file. kept: something may have been recorded; rejects: the first ones."""

    lines: int = 0
    recorded: int = 0
    already_there: int = 0
    rejected: int = 0
    position: int = 0
    kept: bool = True
    rejects: list[Reject] = field(default_factory=list)
    rejects_file: str | None = None


def record_file(
    ledger: Ledger,
    file: BinaryIO,
    *,
    rejects: Path | None = None,
    allow_short: bool = False,
    dry_run: bool = False,
    batch: int = BATCH,
) -> Summary:
    """Record the entries of a file. rejects: where lines that break a rule are listed while the others are recorded; without
    it, a single such line leaves everything unrecorded.
    """
    summary = Summary()
    try:
        with _list_of(rejects) as write, ledger.session(allow_short=allow_short) as session:
            for reject in _judged(session, file, summary, batch):
                summary.rejected += 1
                if len(summary.rejects) < SHOWN_MAX:
                    summary.rejects.append(reject)
                write(reject)
            summary.position = session.position
            summary.rejects_file = str(rejects) if rejects and summary.rejected else None
            undo(when=dry_run or (summary.rejected > 0 and rejects is None))
    except Undone:
        summary.kept = False
        summary.position = ledger.position
    return summary


def _judged(session: Session, file: BinaryIO, summary: Summary, batch: int) -> Iterator[Reject]:
    reader, coming = Reader(), lines(file)
    while some := list(islice(coming, batch)):
        read = [(line, entry) for line in some if (entry := _read(reader, line)) is not None]
        summary.lines += len(read)
        session.prepare([entry for _, entry in read if isinstance(entry, Entry)])
        for line, entry in read:
            try:
                if isinstance(entry, Refused):
                    raise entry
                taken = session.take(entry)
            except Refused as error:
                yield _reject(line, error)
            else:
                summary.recorded += taken.status == RECORDED
                summary.already_there += taken.status != RECORDED
        session.finish()


def _read(reader: Reader, line: Line) -> Entry | Refused | None:
    """The entry of a line, or why it is none, to be told in the order of the lines."""
    try:
        return reader.read(line)
    except NotEntries:
        raise
    except Refused as error:
        return error


def _reject(line: Line, error: Refused) -> Reject:
    content = line.content[:_ORIGINAL_MAX]
    try:
        original, is_base64 = content.decode(), False
    except UnicodeDecodeError:
        original, is_base64 = base64.b64encode(content).decode(), True
    return Reject(line.number, error.rule, error.message, error.hint, original, is_base64)


@contextmanager
def _list_of(path: Path | None) -> Iterator[Callable[[Reject], None]]:
    """The list of rejects; it appears when it is whole, and takes the place of an earlier one."""
    if path is None:
        yield lambda _: None
        return
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)  # the lines stand there as they were given, secrets included
        with unfinished.open("wb") as file:
            count = [0]

            def write(reject: Reject) -> None:
                count[0] += 1
                file.write(msgspec.json.encode(reject) + b"\n")

            yield write
        if count[0]:
            unfinished.replace(path)
        else:
            path.unlink(missing_ok=True)
    finally:
        unfinished.unlink(missing_ok=True)
