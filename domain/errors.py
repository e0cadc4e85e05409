"""The errors that a user can cause or mend: one sentence, a hint, an exit code."""

from __future__ import annotations


class LedgerError(Exception):
    """Something a user can mend; shown as one line with its hint, never as a traceback."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class HomeError(LedgerError):
    """The home is missing, is not ours, or is the legacy folder itself."""


class HomeBusy(LedgerError):
    """Another process is writing to this home."""


class DiskFull(LedgerError):
    """The disk has no room; what was being written was undone."""


class SourceError(LedgerError):
    """A legacy source could not be read as a whole; nothing was appended."""

    exit_code = 3


class StoreError(LedgerError):
    """The ledger or a read model could not be read."""

    exit_code = 3


class StreamConflict(LedgerError):
    """Another writer appended to the same stream first; nothing of this append was kept."""


class UnknownTopic(StoreError):
    """The log holds an event type that this version of the program does not know."""
