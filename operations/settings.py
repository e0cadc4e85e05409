"""daybook.toml: what the owner of a home has decided. Every section and every value has a default; the file may be missing."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct, field

from domain.errors import HomeError

FILE = "daybook.toml"


class Backup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[backup]: how many copies of each tier are kept, and a second folder (another disk) that gets each copy as well."""

    hourly: int = 24
    daily: int = 30
    weekly: int = 12
    monthly: int = 120
    to: str | None = None

    def __post_init__(self) -> None:
        for tier in ("hourly", "daily", "weekly", "monthly"):
            if getattr(self, tier) < 1:
                raise ValueError(f"{tier} must be 1 or more")


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All sections."""

    backup: Backup = field(default_factory=Backup)


def read(home: Path) -> Settings:
    """The settings of a home; raises HomeError for a file that cannot be understood, naming the line or the key."""
    path = home / FILE
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except (msgspec.MsgspecError, ValueError) as error:
        raise HomeError(
            f"{path}: {error}", hint="Correct that line, or remove it: every value has a default."
        ) from error
