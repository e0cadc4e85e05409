"""Which version of the program this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """The installed version, or `checkout` where nothing is installed."""
    try:
        return version("daybook")
    except PackageNotFoundError:
        return "checkout"
