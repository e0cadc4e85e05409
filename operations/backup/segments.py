"""Shipping: the events since the last segment, as signed JSON Lines, so that a loss is as small as the time between two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from domain.errors import StoreError
from domain.moments import Instant, instant
from ledger.durable import make_folder, sync, write_whole
from ledger.lines import line_of, stored_of
from ledger.log import Log, Stored, open_log
from ledger.restoring import events_of
from ledger.seal import FOLDER as SEALS
from ledger.seal import KEY, is_signature, key_of
from operations.backup.targets import in_each, written_to
from operations.home import BACKUPS
from operations.locking import held
from operations.settings import read as read_settings

FOLDER = "segments"
SIGNED = ".signed.json"
_WRITING = ".writing"
_LOCK = "ship.lock"
EVENTS_MAX = 50_000
"""Events of one segment; more are shipped as several."""


class Segment(Struct, frozen=True, kw_only=True):
    """The signed statement about a segment. head: the hash of its last event; sha256: of the file; all in hex."""

    first: int
    last: int
    head: str
    sha256: str
    time: Instant
    public_key: str
    signature: str = ""
    format: str = "daybook segment v1"

    @property
    def name(self) -> str:
        """The name of its file, which sorts by position."""
        return f"{self.first:012d}-{self.last:012d}.jsonl"

    @property
    def statement(self) -> bytes:
        """The bytes that are signed."""
        return (
            f"{self.format}\nfirst {self.first}\nlast {self.last}\nhead {self.head}\nsha256 {self.sha256}\ntime {self.time}\n"
        ).encode()

    def is_signed(self) -> bool:
        """Whether the signature is the key's over the statement."""
        return is_signature(self.signature, self.statement, key=self.public_key)


def ship(home: Path, places: Sequence[Path], *, now: datetime) -> list[Segment]:
    """Write what each of the folders does not have yet; returns the new segments.

    The first segment of a folder begins with the first event. Raises StoreError when a folder holds segments of another log,
    and DiskFull or HomeError for one that cannot be written to, when the others have theirs.
    """
    key = key_of(home / SEALS / KEY)
    with open_log(home) as log:

        def in_place(place: Path) -> list[Segment]:
            with written_to(place, log.path.stat().st_size):
                return list(_ship(log, place / FOLDER, key, now))

        return [made for shipped in in_each(places, in_place) for made in shipped]


def _ship(log: Log, folder: Path, key: Ed25519PrivateKey, now: datetime) -> Iterator[Segment]:
    make_folder(folder)
    # One at a time: two would write into the same file, and sign what the other one wrote.
    with held(folder / _LOCK, "ship", f"segments are being written to {folder}"):
        yield from _ship_alone(log, folder, key, now)


def _ship_alone(log: Log, folder: Path, key: Ed25519PrivateKey, now: datetime) -> Iterator[Segment]:
    for left in folder.glob(".*"):
        left.unlink()
    last, head = _last(folder), log.head().position
    if last and (last.last > head or log.at([last.last])[0].hash.hex() != last.head):
        raise StoreError(
            f"{folder / last.name} is of another log, or this log was cut off before {last.last}",
            hint="Verify the ledger; when it is the right one, move these segments away.",
        )
    after = last.last if last else 0
    try:
        while after < head:
            through = min(head, after + EVENTS_MAX)
            yield _write(folder, events_of(log, after=after, through=through), key, now)
            after = through
    finally:
        (folder / _WRITING).unlink(missing_ok=True)


def _last(folder: Path) -> Segment | None:
    found = segments_in(folder)
    return read(found[-1]) if found else None


def _write(folder: Path, events: Iterator[Stored], key: Ed25519PrivateKey, now: datetime) -> Segment:
    """The statement first: a segment that has its name has its signature as well, after a power cut too."""
    path, digest, first, last = folder / _WRITING, hashlib.sha256(), 0, None
    with path.open("wb") as file:
        for event in events:
            line = line_of(event).encode() + b"\n"
            digest.update(line)
            file.write(line)
            first, last = first or event.position, event
    assert last is not None, "a segment without events"
    public = key.public_key().public_bytes_raw().hex()
    unsigned = Segment(
        first=first, last=last.position, head=last.hash.hex(), sha256=digest.hexdigest(), time=instant(now.astimezone(UTC)),
        public_key=public,
    )  # fmt: skip
    made = msgspec.structs.replace(unsigned, signature=key.sign(unsigned.statement).hex())
    write_whole(folder / f"{made.name}{SIGNED}", msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    sync(path)
    path.rename(folder / made.name)
    sync(folder)
    return made


def segments_in(folder: Path) -> list[Path]:
    """The segments of a folder in order."""
    return sorted(folder.glob("[0-9]*.jsonl")) if folder.is_dir() else []


def read(path: Path) -> Segment:
    """The statement about a segment, which must be signed; raises StoreError."""
    try:
        found = msgspec.json.decode(path.with_name(f"{path.name}{SIGNED}").read_bytes(), type=Segment)
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(f"{path}: its statement cannot be read: {error}", hint="Use another copy of it.") from error
    if not found.is_signed() or found.name != path.name:
        raise StoreError(f"{path}: its statement was altered", hint="Use another copy of it.")
    return found


def checked(path: Path) -> Segment:
    """The statement about a segment, which the file's content must fit; raises StoreError."""
    segment = read(path)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != segment.sha256:
            raise StoreError(f"{path}: its content is not what was signed", hint="Use another copy of it.")
    return segment


def events_in(path: Path) -> Iterator[Stored]:
    """The events of a segment that was checked."""
    with path.open("rb") as file:
        yield from map(stored_of, file)


def ship_now(home: Path, to: Sequence[Path]) -> list[Segment]:
    """Ship into the home's own folder and into others, as of the present moment."""
    settings = read_settings(home).backup
    places = [home / BACKUPS, *to, *([Path(settings.to)] if settings.to else [])]
    return ship(home, list(dict.fromkeys(places)), now=datetime.now(UTC))
