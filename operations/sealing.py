"""`cli audit seal` and `cli audit prove`, and the check of a ledger against its seals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from domain import event as events
from domain.audit import LedgerSealed
from domain.errors import LedgerError
from domain.event import topic_of
from domain.moments import instant
from ledger import seal as seals
from ledger.log import Entry, Log, Stored, open_log
from ledger.querying import event_at, newest_of
from ledger.seal import Seal
from ledger.tree import open_tree

PROOF_FORMAT = "daybook proof v1"


def _silent(_: str) -> None:
    """Tell nobody."""


def seal(
    home: Path, *, to: Path | None = None, key: Path | None = None, tell: Callable[[str], None] = _silent
) -> tuple[Seal, list[Path]]:
    """Seal the log as it stands: a statement into seals/ (and `to`), and LedgerSealed into the log.

    tell: is told when what is kept of the tree was damaged and had to be made again; prove does the same.
    """
    with open_log(home, write=True, command="audit seal") as log:
        head = log.head()
        if head.position == 0:
            raise LedgerError("there is nothing to seal yet", hint="Replay something first.")
        with open_tree(log, keep=True, tell=tell) as tree:
            root = tree.root(head.position)
        made = seals.signed(
            position=head.position, head=head.hash, root=root, time=instant(datetime.now(UTC)),
            key=seals.key_of(key or home / seals.FOLDER / seals.KEY),
        )  # fmt: skip
        written = [seals.write(made, folder) for folder in (home / seals.FOLDER, to) if folder is not None]
        event = LedgerSealed(
            occurred_at=made.time, position=made.position, head=made.head, root=made.root, public_key=made.public_key,
            signature=made.signature,
        )  # fmt: skip
        log.append([Entry("ledger:seals", topic_of(LedgerSealed), events.encode(event))])
    return made, written


def newest_seal(home: Path) -> Seal:
    """The newest seal of a home; raises LedgerError when there is none."""
    found = seals.seals_in(home / seals.FOLDER)
    if not found:
        raise LedgerError("the ledger was never sealed", hint="Seal it first: cli audit seal")
    return seals.read(found[-1])


def prove(
    home: Path,
    what: str,
    *,
    against: Path | None = None,
    since: Path | None = None,
    tell: Callable[[str], None] = _silent,
) -> dict[str, Any]:
    """A proof that an event is in the log that a seal is about: the one at a position, or the newest sealed one of a stream.

    against: another seal than the newest; since: an older seal, which the newer one is proven to extend. The result is the
    content of the proof's file: plain JSON, checked by docs/verify_proof.py without any of our code.
    """
    sealed = seals.read(against) if against else newest_seal(home)
    with open_log(home) as log:
        stored = _event(log, what, sealed)
        with open_tree(log, keep=True, tell=tell) as tree:
            proof: dict[str, Any] = {
                "format": PROOF_FORMAT,
                "seal": msgspec.to_builtins(sealed),
                "event": {**stored._asdict(), "hash": stored.hash.hex()},
                "previous_hash": _hash_before(log, stored.position),
                "inclusion": [one.hex() for one in tree.inclusion(stored.position, sealed.position)],
            }
            if since is not None:
                older = seals.read(since)
                if older.position > sealed.position:
                    raise LedgerError(f"{since} is newer than the seal", hint="Name an older seal with --since.")
                proof["since"] = msgspec.to_builtins(older)
                proof["consistency"] = [one.hex() for one in tree.consistency(older.position, sealed.position)]
    return proof


def _event(log: Log, what: str, sealed: Seal) -> Stored:
    """The event at a position, or the newest sealed event of a stream."""
    found = event_at(log, int(what)) if what.isdigit() else newest_of(log, what, through=sealed.position)
    if found.position > sealed.position:
        raise LedgerError(
            f"event {found.position} came after the seal at {sealed.position}", hint="Seal again: cli audit seal"
        )
    return found


def _hash_before(log: Log, position: int) -> str:
    if position == 1:
        return bytes(32).hex()
    return log.at([position - 1])[0].hash.hex()


def check_seals(home: Path, *extra: Path) -> list[str]:
    """What is wrong between the log and its seals, a sentence each; the tree is computed from the events alone."""
    paths = [*seals.seals_in(home / seals.FOLDER), *extra]
    if not paths:
        return []
    found = []
    with open_log(home) as log:
        head = log.head()
        with open_tree(log, keep=False) as tree:
            for path in paths:
                one = seals.read(path)
                if not one.is_signed():
                    found.append(f"{path.name}: the signature does not fit the statement; the seal was altered")
                elif one.position > head.position:
                    missing = one.position - head.position
                    found.append(f"{path.name}: the log ends at {head.position}; {missing} sealed events were cut off")
                elif log.at([one.position])[0].hash.hex() != one.head:
                    found.append(
                        f"{path.name}: event {one.position} has another hash than was sealed; the log was rewritten"
                    )
                elif tree.root(one.position).hex() != one.root:
                    found.append(f"{path.name}: the hashes up to {one.position} are not those that were sealed")
    return found
