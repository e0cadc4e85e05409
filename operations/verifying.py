"""`cli verify`: the log's chain, the read models derived again, and the frozen sources, row by row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from domain.errors import LedgerError, StoreError
from ledger.log import Log, open_log
from ledger.seal import FOLDER, seals_in
from ledger.verifying import verify_log
from operations.blaming import blamed_on_the_ledger
from operations.home import LEDGER, check_has_its_ledger, check_no_strangers, enough_room, models_bytes
from operations.sealing import check_seals
from operations.source_proof import prove_sources
from projections import catalog
from projections.projector import Projector
from projections.rebuilding import rebuild
from projections.stopping import read_stop
from projections.verifying import Verdict, verify_model
from replay.run import Tell


class Part(Struct, kw_only=True):
    """One thing that was verified. found: what is wrong, a sentence each. unread: what could not be read at all."""

    name: str
    checked: str = ""
    found: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    repaired: bool = False
    seconds: float = 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether something was found and still stands."""
        return bool(self.found) and not self.repaired


class Verification(Struct, kw_only=True):
    """All parts. Exit code 1 when something is wrong and was not repaired, 3 when something could not be read, else 0."""

    home: str
    parts: list[Part] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all is well, 1 something was found, 3 something could not be read."""
        if any(part.is_wrong for part in self.parts):
            return 1
        return 3 if any(part.unread for part in self.parts) else 0


Check = Callable[[Log, Part], None]


def verify(home: Path, what: str, *, repair: bool, tell: Tell, quick: bool = False) -> Verification:
    """Verify the ledger, the projections, the sources, or all of them. repair: rebuild the read models that differ. quick: of
    the ledger check every hash and page, but not that each event can be read and that each index has it.

    A part that cannot be read does not keep the others from being verified.
    """
    result = Verification(home=str(home))
    check_has_its_ledger(home)
    log, reason = _opened(home)
    try:
        if what in ("ledger", "all"):
            tell("verify", LEDGER, 0, 0)
            result.parts.append(_timed(Part(name="ledger"), partial(_check_ledger, home / LEDGER, quick=quick)))
        for name, check in _checks(log, home, what, repair=repair, tell=tell):
            tell("verify", name, 0, 0)
            part = Part(name=name, unread=[] if log else [reason])
            result.parts.append(_timed(part, partial(_blamed, home, check, log)) if log else part)
    finally:
        if log:
            log.close()
    return result


def _opened(home: Path) -> tuple[Log | None, str]:
    """The log; or, when its file is damaged, why it cannot be opened. What a user can mend first is raised."""
    try:
        return open_log(home), ""
    except StoreError as error:
        return None, f"not verified, because the ledger cannot be opened ({error.message})"


def _checks(log: Log | None, home: Path, what: str, *, repair: bool, tell: Tell) -> Iterator[tuple[str, Check]]:
    if what in ("ledger", "all") and seals_in(home / FOLDER):
        yield "seals", partial(_check_seals, home)
    if what in ("projections", "all"):
        present = (one for one in catalog.projectors() if (home / one.file).exists())
        for projector in catalog.projectors_of(log) if log else present:
            yield projector.file, partial(_check_model, projector, home, repair=repair)
    if what in ("sources", "all"):
        yield "sources", partial(_check_sources, home, tell)


def _blamed(home: Path, check: Check, log: Log, part: Part) -> None:
    with blamed_on_the_ledger(home):
        check(log, part)


def _timed(part: Part, work: Callable[[Part], None]) -> Part:
    begin = time.perf_counter()
    try:
        work(part)
    except LedgerError as error:
        if error.exit_code != StoreError.exit_code:
            raise
        part.unread.append(error.message)
    part.seconds = round(time.perf_counter() - begin, 3)
    return part


def _check_ledger(path: Path, part: Part, *, quick: bool) -> None:
    verdict = verify_log(path, thorough=not quick)
    findings = [finding.message for finding in verdict.findings]
    if findings and not verdict.events:
        part.unread = findings
        return
    some = ", hashes and pages only" if quick else ""
    part.checked = f"{verdict.events:,} events, head {verdict.head.hash.hex()[:16]}…{some}"
    part.found = findings


def _check_seals(home: Path, _: Log, part: Part) -> None:
    part.checked = f"{len(seals_in(home / FOLDER)):,} signed statements of what the log held"
    part.found = check_seals(home)


def _check_model(projector: Projector, home: Path, log: Log, part: Part, *, repair: bool) -> None:
    verdict = verify_model(projector, log, home)
    part.checked = _checked(verdict)
    stop = read_stop(projector, log, home)
    part.found = [*verdict.problems, *map(str, verdict.differences), *([str(stop)] if stop else [])]
    if part.found and repair:
        check_no_strangers(home, [projector.name])
        with enough_room(home, models_bytes(home)):
            rebuild(projector, log, home)
        again = verify_model(projector, log, home)
        part.repaired, part.checked = again.is_proven, _checked(again)


def _checked(verdict: Verdict) -> str:
    behind = f", {verdict.behind:,} behind the log" if verdict.behind else ""
    return f"{verdict.events:,} events up to position {verdict.position:,}{behind}"


def _check_sources(home: Path, tell: Tell, log: Log, part: Part) -> None:
    proof = prove_sources(log, home, tell)
    part.checked, part.found, part.unread = proof.checked, proof.found, proof.unread
