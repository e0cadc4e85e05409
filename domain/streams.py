"""Stream ids: the natural key of one thing, written so that two things never share an id."""

from __future__ import annotations

import hashlib
import re

_RESERVED = re.compile(r"[%:\x00-\x20\x7f]")
_LONGEST = 120


def is_plain(key: object) -> bool:
    """Whether a key stands in a stream id as it is: nothing in it to encode, not too long."""
    return type(key) is str and key.isalnum() and len(key) <= _LONGEST


def stream(kind: str, *key: str) -> str:
    """`kind:key:key`; separators and control characters inside a key are percent-encoded, a very long key is hashed."""
    if _RESERVED.search("".join(key)):
        key = tuple(_RESERVED.sub(_encoded, part) for part in key)
    joined = ":".join(key)
    if len(joined) > _LONGEST:
        joined = "sha256-" + hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}:{joined}"


def _encoded(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"
