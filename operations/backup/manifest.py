"""The manifest of a back-up: what it holds, and whether it still does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from domain.moments import Instant
from ledger.durable import sync_all

FILE = "manifest.json"
FORMAT = "daybook backup v1"


class CopiedFile(Struct, frozen=True, kw_only=True):
    """A file of a copy: its bytes and their SHA-256 in hex."""

    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What a copy holds. position, head, recorded_at: the last event of its ledger, its hash in hex, and when it was recorded.

    digest: SHA-256 in hex over all the rest, so that a damaged manifest is told from damaged files.
    """

    tier: str
    name: str
    made_at: Instant
    position: int
    head: str
    recorded_at: Instant
    files: dict[str, CopiedFile]
    program: str
    format: str = FORMAT
    digest: str = ""

    @property
    def own_digest(self) -> str:
        """The digest as it should be."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, digest=""))).hexdigest()


def digested(path: Path) -> CopiedFile:
    """What stands in the manifest about a file."""
    with path.open("rb") as file:
        return CopiedFile(bytes=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest into the copy, and have the whole copy on the disk."""
    path = folder / FILE
    whole = msgspec.structs.replace(manifest, digest=manifest.own_digest)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")
    sync_all(folder)


def read(folder: Path) -> Manifest | str:
    """The manifest of a copy, or why there is none that can be read."""
    try:
        found = msgspec.json.decode((folder / FILE).read_bytes(), type=Manifest)
    except OSError as error:
        return f"{FILE} cannot be read: {error.strerror}"
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return f"{FILE} is damaged: {error}"
    if found.format != FORMAT:
        return f"{FILE} has the format {found.format!r}, which this version does not know"
    return found if found.digest == found.own_digest else f"{FILE} was altered: it does not agree with its own digest"


def changed(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What is no longer as the manifest says, a sentence each."""
    there = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()} - {FILE}
    for name in sorted(there - manifest.files.keys()):
        yield f"{name} does not belong to the copy"
    for name, wanted in sorted(manifest.files.items()):
        if name not in there:
            yield f"{name} is missing"
        elif (folder / name).stat().st_size != wanted.bytes:
            yield f"{name} has {(folder / name).stat().st_size:,} bytes, not {wanted.bytes:,}"
        elif digested(folder / name) != wanted:
            yield f"{name} has other content than when it was copied"
