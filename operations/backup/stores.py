"""Copying the files of a read model that has many, as its copied index lists them.

A file that an earlier copy holds with the same content is linked, not copied again: a sealed day is never written to, so each
copy has it at the cost of one. Rot in such a file is rot in all copies that share it; their manifests find it, and the ledger,
which every copy has for itself, gives the file again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from domain.errors import StoreError
from ledger.durable import make_folder
from projections.partitioned import file_digest, partitions
from projections.places import VERSION, check_version, known_places


def copy_files(index: Path, copy: Path, schema_version: str, *, earlier: Path | None = None) -> None:
    """Copy the files beside `index` that `copy`, the index as it was copied, lists. earlier: the same folder in another copy.

    A file that is missing, damaged, or just made anew can be derived again and is left out, as a damaged read model is; so are
    all of them when another version of the program has laid them out.
    """
    if not copy.exists() or not _is_ours(index.parent, schema_version):
        return
    known = known_places(index.parent)
    version = index.parent / VERSION
    if version.exists():
        shutil.copy(version, copy.parent / VERSION)
    for one in partitions(copy):
        place, path, target = known.get(one.path), index.parent / one.path, copy.parent / one.path
        if place is None:
            continue
        make_folder(target.parent)
        if not (earlier and _linked(earlier / one.path, target, place.sha256)):
            _copied(path, target, place.sha256)


def _linked(there: Path, target: Path, sha256: str) -> bool:
    """Link what an earlier copy holds, if it is the same; not every file system can, and no file can have links without end."""
    try:
        if file_digest(there) != sha256:
            return False
        target.hardlink_to(there)
    except OSError:
        return False
    return True


def _copied(path: Path, target: Path, sha256: str) -> None:
    try:
        shutil.copy(path, target)
    except FileNotFoundError:
        return
    if file_digest(target) != sha256:
        target.unlink()


def _is_ours(folder: Path, schema_version: str) -> bool:
    try:
        check_version(folder, schema_version)
    except StoreError:
        return False
    return True
