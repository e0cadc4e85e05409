"""The folders that get copies: one that is full or cannot be written to says so, and the others still get theirs."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from domain.errors import DiskFull, HomeError
from operations.home import enough_room

_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)

Done = TypeVar("Done")


@contextmanager
def written_to(place: Path, bytes_needed: int) -> Iterator[None]:
    """While copies are written there. Raises DiskFull or HomeError; the copies that it had are as they were."""
    try:
        with enough_room(place, bytes_needed):
            yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise HomeError(
            f"{place} cannot be written to: {error.strerror}",
            hint="The copies that are there are as they were. Mend its permissions, or name another folder with --to.",
        ) from error


def in_each(places: Iterable[Path], do: Callable[[Path], Done]) -> list[Done]:
    """What was done in each folder. When one of them refuses, it is done in the others all the same; then that is raised."""
    done: list[Done] = []
    refused: DiskFull | HomeError | None = None
    for place in dict.fromkeys(places):
        try:
            done.append(do(place))
        except (DiskFull, HomeError) as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return done
