"""The last look at everything that a command prints: the secrets of its home are masked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeVar, cast

from domain.secrets import Mask, Names, Unmasked

T = TypeVar("T")
Stamp = tuple[tuple[int, int], ...]

_LEDGER = "ledger.db"
_VALUE = "--value"


class Current:
    """The mask of the home that a command is about; looked up when it is first needed, and when the ledger has grown."""

    def __init__(self, home: Callable[[], Path | None], known: Sequence[str], is_revealed: Callable[[], bool]) -> None:
        self._home, self._known, self._is_revealed = home, known, is_revealed
        self._mask: Mask = Unmasked()
        self._stamp: tuple[Path | None, Stamp] | None = None

    @property
    def mask(self) -> Mask:
        """The mask as of now."""
        if self._is_revealed():
            return Unmasked()
        home = self._home()
        stamp = (home, _stamp_of(home) if home else ())
        if stamp != self._stamp:
            self._mask = _looked_up(home, self._known)
            # As it was before: a secret that was recorded during the look-up is looked up the next time.
            self._stamp = stamp
        return self._mask


def _looked_up(home: Path | None, known: Sequence[str]) -> Mask:
    if home is None or not (home / _LEDGER).exists():
        return Mask(known)
    # Loaded here: a command that only shows its help needs none of it.
    from operations.secrets import mask_of  # noqa: PLC0415 - see above

    return mask_of(home, known)


def _stamp_of(home: Path) -> Stamp:
    found = []
    for name in (_LEDGER, f"{_LEDGER}-wal"):
        try:
            about = (home / name).stat()
        except OSError:
            found.append((0, 0))
        else:
            # Reading a log in WAL mode may itself make an empty file beside it.
            found.append((about.st_mtime_ns, about.st_size) if about.st_size else (0, 0))
    return tuple(found)


_running: list[Current] = []


def masked(content: T) -> T:
    """Content as the running command may show it: whole, before it is cut or laid out."""
    return _running[-1].mask.content(content) if _running else content


def masked_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as the running command may show them."""
    return _running[-1].mask.rows(columns, rows) if _running else map(tuple, rows)


class _MaskedStream:
    """A text stream that masks what is written. It gives no `buffer` away: what is written there would pass by.

    verbatim: the stream itself, for whoever has masked what he writes.
    """

    def __init__(self, stream: TextIO, current: Current) -> None:
        self.verbatim, self._current = stream, current

    def write(self, text: str) -> int:
        self.verbatim.write(self._current.mask.printed(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    # Any: whatever else a stream has.
    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self.verbatim, name)


def standard_output() -> BinaryIO:
    """Standard output for bytes, for whoever has masked what he writes."""
    stream = sys.stdout.verbatim if isinstance(sys.stdout, _MaskedStream) else sys.stdout
    return stream.buffer


@contextmanager
def masked_output(
    home: Callable[[], Path | None], *, known: Sequence[str] = (), is_revealed: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Mask what is written to stdout and stderr meanwhile. known: secrets that are not in the home, or not yet."""
    current, before = Current(home, known, is_revealed), (sys.stdout, sys.stderr)
    _running.append(current)
    sys.stdout, sys.stderr = (cast("TextIO", _MaskedStream(stream, current)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        _running.pop()


def typed(words: Sequence[str]) -> list[str]:
    """Secrets on the command line: `record setting --name broker_api_key --value VALUE`."""
    if not Names().tells(list(words)):
        return []
    joined = [word.partition("=")[2] for word in words if word.startswith(f"{_VALUE}=")]
    return joined + [after for word, after in pairwise(words) if word == _VALUE]
