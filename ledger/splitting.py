"""Checks a large log on two cores: each half needs only the hash before it."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice

import msgspec

from ledger.checking import Finding, check_range

# Measured: the seconds that one event costs, those of one byte, and those after which a second process pays.
_PER_EVENT, _PER_BYTE = 2.5e-6, 0.5e-9
_DECODING_PER_BYTE = 3e-9
_PAYS_AFTER = 0.4

# Started by a command line of its own, not by multiprocessing: that would run the caller's main program once more.
_CHILD = "import sys; sys.path[:] = sys.argv[6:]; from ledger.splitting import main; main(*sys.argv[1:6])"


def worth_splitting(events: int, size: int, *, decoding: bool) -> bool:
    """Whether a second process costs less than it saves."""
    seconds = events * _PER_EVENT + size * (_PER_BYTE + (_DECODING_PER_BYTE if decoding else 0))
    return seconds > _PAYS_AFTER and (os.cpu_count() or 1) > 1


def check_in_two(uri: str, last: int, *, decoding: bool, limit: int) -> list[Finding]:
    """Like `check_range` over the whole log, the second half in another process."""
    middle = last // 2
    command = [sys.executable, "-c", _CHILD, uri, str(middle + 1), str(last), str(int(decoding)), str(limit), *sys.path]
    # Both the program and its arguments are our own.
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:  # noqa: S603
        findings = list(islice(check_range(uri, 1, middle, decoding=decoding), limit))
        said, _ = child.communicate()
    if child.returncode:
        second = list(islice(check_range(uri, middle + 1, last, decoding=decoding), limit))
    else:
        second = msgspec.msgpack.decode(said, type=list[Finding])
    return findings + second


def main(uri: str, first: str, last: str, decoding: str, limit: str) -> None:
    """The second process: write the findings to standard output."""
    found = islice(check_range(uri, int(first), int(last), decoding=decoding == "1"), int(limit))
    sys.stdout.buffer.write(msgspec.msgpack.encode(list(found)))
