"""Names of the files of backtest runs: a run's id is a text from outside, so it is looked at before it becomes a path."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

FOLDER = "backtest/runs"
SUFFIX = ".duckdb"
ID_MAX = 100
"""The longest id that names a file, in characters; all fit characters take one byte."""

_FIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\Z")
_DERIVED = re.compile(r"sha256-[0-9a-f]{64}\Z")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)


class RunFile(NamedTuple):
    """The file of a run, relative to the home; `why` says what is wrong with an id that cannot name it, else None."""

    path: str
    why: str | None


def run_file(run_id: str) -> RunFile:
    """Where the file of a run lies. An id that is not fit to name a file gives it the name of its SHA-256.

    The file names of two different ids are always different, also where a file system ignores case: an id with capital
    letters is named by its digest as well.
    """
    why = _why_unfit(run_id)
    if why is None:
        return RunFile(f"{FOLDER}/{run_id}{SUFFIX}", None)
    digest = hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()
    return RunFile(f"{FOLDER}/sha256-{digest}{SUFFIX}", why)


def _why_unfit(run_id: str) -> str | None:
    """What is wrong with an id as the name of a file, None when nothing is."""
    checks = (
        (not run_id, "is empty"),
        (len(run_id) > ID_MAX, f"is longer than {ID_MAX} characters"),
        ("/" in run_id or "\\" in run_id, "contains a slash"),
        (".." in run_id or run_id.startswith("."), "begins with a dot or contains two in a row"),
        (_FIT.match(run_id) is None, "contains a character that is neither a letter, a digit, _, - nor a dot"),
        (run_id.endswith("."), "ends with a dot"),
        (run_id != run_id.lower(), "contains capital letters"),
        (_RESERVED.match(run_id) is not None, "is a name that some systems reserve for devices"),
        (_DERIVED.match(run_id) is not None, "looks like a name made of a digest"),
    )
    return next((why for is_wrong, why in checks if is_wrong), None)
