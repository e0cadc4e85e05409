"""Copying the files of a read model that has many, as its copied index lists them."""

from __future__ import annotations

import shutil
from pathlib import Path

from ledger.durable import make_folder
from projections.partitioned import file_digest, partitions
from projections.places import VERSION, known_places


def copy_files(index: Path, copy: Path) -> None:
    """Copy the files beside `index` that `copy`, the index as it was copied, lists.

    A file that is missing, damaged, or just made anew can be derived again and is left out, as a damaged read model is.
    """
    if not copy.exists():
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
        try:
            shutil.copy(path, target)
        except FileNotFoundError:
            continue
        if file_digest(target) != place.sha256:
            target.unlink()
