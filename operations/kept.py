"""Legacy rows that could not become events and are only kept: those that would stand behind a row of a read model."""

from __future__ import annotations

from collections.abc import Collection

from domain.event import decode
from domain.legacy import LegacyRowKept
from ledger.log import Log
from ledger.querying import Wanted, search
from operations.origins import place_of_kind
from operations.replaying import SYSTEMS
from operations.tables import Key, Table


def kept_rows(log: Log, table: Table, key: Key, files: Collection[str]) -> list[tuple[int, str]]:
    """Position and reason of the kept rows with this key. files: those that the rows of a series of this key lie in."""
    *_, last = key.values()
    found = []
    for stored in search(log, Wanted(type="legacy-row-kept", text=str(last))):
        kept = decode(stored.topic, stored.state)
        assert isinstance(kept, LegacyRowKept)
        columns = _key_columns(kept, table, key, files)
        if columns and all(str(kept.row.get(column)) == str(key[name]) for name, column in columns.items()):
            reason = f"a row of {kept.table} in {kept.file} is only kept, because {kept.reason}"
            found.append((stored.position, reason))
    return found


def _key_columns(kept: LegacyRowKept, table: Table, key: Key, files: Collection[str]) -> dict[str, str]:
    """Where the kept row holds the key, column by column; nothing when it does not belong to the table."""
    for system in SYSTEMS.values():
        mapping = system.declared(kept.file, kept.table)
        place = place_of_kind(mapping.event) if mapping else None
        if mapping and place and f"{place.model}.{place.table}" == table.name:
            fields = {mapping.target(column): column for column in kept.row}
            return {name: fields.get(place.field(name), name) for name in key}
    if kept.file in files and table.name.endswith(f".{kept.table}"):
        return {name: name for name in key if name in kept.row}
    return {}
