"""Securities as the last legacy versions kept them: everything but the ISIN in one JSON object (legacy facts 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from domain.moments import Reading, read_instant, read_moment
from domain.universe import SecurityDescribed
from replay.arduino_trader.fills import target_security, with_symbol
from replay.mapping import OWN_FIELDS, Fields, KeepRow, Knowledge

SECURITY_FIELDS = frozenset(SecurityDescribed.__struct_fields__) - OWN_FIELDS
"""The fields that the object may hold, under these names or under the old column's."""

_RENAMED = {"fullExchangeName": "full_exchange_name", "updated_at": "occurred_at"}
_TIMES: dict[str, Callable[[str | int, ZoneInfo], Reading]] = {
    "created_at": read_instant, "last_synced": read_instant, "occurred_at": read_moment,
}  # fmt: skip
_with_symbol = with_symbol("securities")


def read_object(text: object) -> dict[str, Any] | None:
    """The object that a cell holds, None when it holds none."""
    try:
        found = msgspec.json.decode(text) if isinstance(text, str) else None
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def json_security(fields: Fields, known: Knowledge) -> list[str]:
    """Opens the object, which stands in the place of the name; columns beside it come first."""
    held = read_object(fields.pop("name"))
    if held is None:
        raise KeepRow("data is not a JSON object")
    fields.setdefault("last_synced", fields.get("occurred_at"))
    for key, value in held.items():
        field = _RENAMED.get(key, key)
        if field in SECURITY_FIELDS | {"occurred_at"} and fields.get(field) is None:
            fields[field] = _value(field, value, known)
    assumed = target_security(fields, known)
    if not isinstance(fields.get("symbol"), str):
        assumed += _with_symbol(fields, known)
    if fields.get("created_at") is None:
        fields["created_at"] = fields.get("last_synced")
        assumed.append("created_at")
    return assumed


def _value(field: str, value: Any, known: Knowledge) -> Any:  # any JSON value in, a field of an event out
    if field not in _TIMES or value is None:
        return int(value) if isinstance(value, bool) else value
    try:
        return _TIMES[field](value, known.zone).text
    except (ValueError, TypeError) as error:
        raise KeepRow(f"{field} is not a time: {value!r}") from error
