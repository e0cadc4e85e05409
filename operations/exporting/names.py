"""Names that beancount and hledger accept, made of any symbol or currency so that two of them never become one."""

from __future__ import annotations

import hashlib
import re

NO_CURRENCY = "XXX"
"""What ISO 4217 writes where there is no currency."""

CURRENCY = re.compile(r"[A-Z]{3}")
_COMMODITY = re.compile(r"[A-Z][A-Z0-9._-]{0,22}[A-Z0-9]")  # 24 characters were the most before beancount 3
_INSTRUMENT = re.compile(r"([A-Z]+(?:_[A-Z]+)*)\|([A-Z0-9]+)")  # a key of the trading bot, such as NSE_EQ|INE002A01018
_RESERVED = ("X-", "C-", "B-")
_WORDS = frozenset({"TRUE", "FALSE", "NULL"})  # beancount reads these as values
_LONGEST = 24
_DIGITS = 20


def currency(code: str) -> str:
    """The commodity of a currency: its own code where that is three capital letters."""
    return code if CURRENCY.fullmatch(code) else _made("C-", code)


def security(symbol: str) -> str:
    """The commodity of a security: its symbol where that is a legal name and could not be a currency; of an instrument key
    its two parts with a hyphen between them.
    """
    if (key := _INSTRUMENT.fullmatch(symbol)) and len(name := f"B-{key[1]}-{key[2]}") <= _LONGEST:
        return name
    plain = _COMMODITY.fullmatch(symbol) and not CURRENCY.fullmatch(symbol)
    return symbol if plain and not symbol.startswith(_RESERVED) and symbol not in _WORDS else _made("X-", symbol)


def account_part(commodity: str) -> str:
    """The commodity as a part of an account: letters, digits and hyphens. Capitals only are in use, so that small letters
    are free for what a part may not hold.
    """
    return commodity.replace("-", "d").replace("_", "u").replace(".", "-")


def _made(prefix: str, text: str) -> str:
    """A legal name: bytes that may not stand in one are written `_` and two digits. Two hyphens begin what is no spelling:
    the empty text, and the hash of a text that is too long.
    """
    if not text:
        return f"{prefix}-0"
    content = text.encode("utf-8", "surrogatepass")
    last = len(content) - 1
    spelled = prefix + "".join(_spelled(byte, is_last=place == last) for place, byte in enumerate(content))
    if len(spelled) <= _LONGEST:
        return spelled
    return f"{prefix}-{hashlib.sha256(content).hexdigest()[:_DIGITS].upper()}"


def _spelled(byte: int, *, is_last: bool) -> str:
    char = chr(byte)
    plain = char.isascii() and (char.isdigit() or char.isupper() or (char == "." and not is_last))
    return char if plain else f"_{byte:02X}"
