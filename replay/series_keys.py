"""What the keys of a series are: dates or months that exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date


def are_dates(keys: Sequence[str]) -> bool:
    """Whether all keys are dates that exist, in the form 2025-12-28."""
    return _all_of(keys, 10) and _all_exist(keys)


def are_months(keys: Sequence[str]) -> bool:
    """Whether all keys are months that exist, in the form 2025-12."""
    return _all_of(keys, 7) and _all_exist([f"{key}-01" for key in keys])


def _all_of(keys: Sequence[str], length: int) -> bool:
    """Digits and hyphens only: dates can also be written as weeks or without hyphens."""
    return {*map(len, keys)} == {length} and "".join(keys).replace("-", "").isdigit()


def _all_exist(days: Sequence[str]) -> bool:
    try:
        return all(map(date.fromisoformat, days))
    except ValueError:
        return False
