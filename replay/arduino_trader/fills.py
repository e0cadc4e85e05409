"""Values that the Arduino Trader's rows leave out, filled by rule and marked as assumed (legacy facts 1.0, 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from domain.moments import MIDNIGHT
from domain.money import EUR, in_eur, usable_rate
from replay.mapping import Fields, Fill, KeepRow, Knowledge

_SECURITY_DEFAULTS = {"product_type": "UNKNOWN", "bucket_id": "core", "active": 1, "allow_buy": 1, "allow_sell": 0}


def new_setting_name(key: str) -> str:
    """The name that a setting has had since schema version 11 (legacy facts 1.2)."""
    if key.startswith("stock_discovery_"):
        return "security_discovery_" + key.removeprefix("stock_discovery_")
    return "min_security_score" if key == "min_stock_score" else key


def _default(fields: Fields, defaults: dict[str, Any]) -> list[str]:  # event field to the legacy default
    missing = [field for field in defaults if fields.get(field) in (None, "")]
    for field in missing:
        fields[field] = defaults[field]
    return missing


def target_security(fields: Fields, _: Knowledge) -> list[str]:
    """Like `security`, in the layout where selling is allowed unless it is forbidden."""
    return _default(fields, _SECURITY_DEFAULTS | {"allow_sell": 1})


def security(fields: Fields, _: Knowledge) -> list[str]:
    """What later schema versions add: unknown product type, the core bucket; switches that are NULL get their default."""
    return _default(fields, _SECURITY_DEFAULTS)


def setting_name(key: str, known: Knowledge) -> str:
    """Before schema version 11 some keys had other names; where both stand, the new one counts and the old row is kept."""
    if known.version >= 11 or new_setting_name(key) == key:
        return key
    if new_setting_name(key) in known.settings:
        raise KeepRow(f"the setting was renamed to {new_setting_name(key)}, which is set as well")
    return new_setting_name(key)


def setting(fields: Fields, known: Knowledge) -> list[str]:
    """The key by its newest name."""
    name = setting_name(fields["key"], known)
    renamed = name != fields["key"]
    fields["key"] = name
    return ["key"] if renamed else []


def trade(fields: Fields, known: Knowledge) -> list[str]:
    """Side in upper case; core and live for empty words; currency of the security; rate and EUR value of the day."""
    side = fields.get("side")
    fields["side"] = side.strip().upper() if isinstance(side, str) else side
    assumed = _default(fields, {"bucket_id": "core", "mode": "live"})
    if fields.get("currency") in (None, "") and fields.get("symbol") in known.currencies:
        fields["currency"] = known.currencies[fields["symbol"]]
        assumed.append("currency")
    elif fields.get("currency") == "":  # as where it is NULL: an empty word names no currency
        fields["currency"] = None
        assumed.append("currency")
    fields.setdefault("currency", None)
    return assumed + _trade_in_eur(fields, known)


def _trade_in_eur(fields: Fields, known: Knowledge) -> list[str]:
    if fields.get("value_eur") is not None or None in (fields.get("quantity"), fields.get("price")):
        return []
    currency, day = fields["currency"], (fields.get("occurred_at") or "")[:10]
    own = usable_rate(currency, _decimal(fields.get("currency_rate")))
    rate = own or usable_rate(currency, known.rates.get((currency or "", day)))
    value = in_eur(_decimal(fields["quantity"]) * _decimal(fields["price"]), rate)
    if value is None:
        return []
    fields["value_eur"] = value
    if fields.get("currency_rate") is None and currency != EUR:
        fields["currency_rate"] = rate
        return ["value_eur", "currency_rate"]
    return ["value_eur"]


def _decimal(number: Any) -> Decimal:  # a legacy cell: int, float or nothing
    return Decimal(repr(number)) if type(number) in (int, float) else Decimal("NaN")


def recommendation(fields: Fields, _: Knowledge) -> list[str]:
    """Side in upper case."""
    side = fields.get("side")
    fields["side"] = side.strip().upper() if isinstance(side, str) else side
    return []


def bucket_of_position(fields: Fields, _: Knowledge) -> list[str]:
    """An empty or missing bucket is the core."""
    return _default(fields, {"bucket_id": "core"})


def cache_of_two(*parts: str) -> Any:  # a Fill
    """For cache tables whose key has two columns: one key `table:first:second`."""

    def fill(fields: Fields, _: Knowledge) -> list[str]:
        key = [fields.get(part) for part in parts]
        if not all(isinstance(part, str) for part in key):
            raise KeepRow(f"{' or '.join(parts)} is missing")
        fields["cache_key"] = ":".join([fields["cache"], *map(str, key)])
        return []

    return fill


def analytics(fields: Fields, _: Knowledge) -> list[str]:
    """The analytics cache has keys of its own, which must not meet those of cache_entries."""
    if not isinstance(fields.get("cache_key"), str):
        raise KeepRow("cache_key is missing")
    fields["cache_key"] = f"analytics_cache:{fields['cache_key']}"
    return []


def migrated_id(key: str, _: Knowledge) -> str:
    """The transaction id of a cash flow whose broker's id was dropped: the one that a later migration gave it (facts 3.3)."""
    return f"migrated-{key}"


def cash_flow_without_id(fields: Fields, known: Knowledge) -> list[str]:
    """Transaction id and document type as the later migration gave them."""
    fields["transaction_id"] = migrated_id(str(fields["id"]), known)
    fields["type_doc_id"] = 0
    return ["transaction_id", "type_doc_id"]


def fractions(*names: str) -> Fill:
    """For columns in percent: fractions, exactly."""

    def fill(fields: Fields, _: Knowledge) -> list[str]:
        for name in names:
            if type(fields.get(name)) in (int, float):
                fields[name] = _decimal(fields[name]).scaleb(-2)
        return []

    return fill


def as_dates(names: Collection[str], then: Fill | None) -> Fill:
    """For columns that hold a date as its midnight in unix seconds: the date."""

    def fill(fields: Fields, known: Knowledge) -> list[str]:
        for name in names:
            fields[name] = as_date(fields.get(name))
        return then(fields, known) if then else []

    return fill


def as_date(moment: str | None) -> str | None:
    """The date of a midnight; any other moment as it is."""
    return moment.removesuffix(MIDNIGHT) if moment else moment


def symbol_by_isin(table: str) -> Callable[[str, Knowledge], str]:
    """The symbol that an ISIN of this table stands for, by the securities of the same folder.

    One legacy migration put the symbol in the ISIN's place, and the next update added the right row beside it (facts 3.3).
    """

    def symbol(isin: str, known: Knowledge) -> str:
        if (table, isin) in known.doubled:
            raise KeepRow("the symbol stands in the place of the ISIN, and the same security has a row under its ISIN")
        if isin not in known.symbols:
            raise KeepRow("no security of these files has this ISIN")
        return known.symbols[isin]

    return symbol


def with_symbol(table: str, then: Fill | None = None) -> Fill:
    """For tables that know a security by its ISIN only."""
    symbol_of = symbol_by_isin(table)

    def fill(fields: Fields, known: Knowledge) -> list[str]:
        if not isinstance(fields.get("isin"), str):
            raise KeepRow("isin is missing or is no text")
        fields["symbol"] = symbol_of(fields["isin"], known)
        return ["symbol", *(then(fields, known) if then else [])]

    return fill
