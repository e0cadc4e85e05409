"""Which settings and fields are secrets, and how they are masked in whatever is shown."""

from __future__ import annotations

import base64
import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

MASK = "••••"

WORDS = (
    "secret", "passw", "passphrase", "api_key", "apikey", "access_key", "accesskey", "private_key", "privatekey",
    "signing_key", "encryption_key", "auth_key", "credential", "token", "r2_account",
)  # fmt: skip
"""The name of a setting or column that contains one of these says that it is a secret; `_` is any one character."""


class Holder(NamedTuple):
    """Events that may hold secrets. topic: without its version; kind: of their streams, by which they are found.

    field: the field that holds it. by_stream: the stream names what is held, so other streams need not be read.
    """

    topic: str
    kind: str
    field: str
    by_stream: bool


HOLDERS = (
    Holder("setting-changed", "setting", "value", by_stream=True),
    Holder("planner-settings-changed", "planner-settings", "settings_json", by_stream=False),
    Holder("bot-user-registered", "bot-user", "password_hash", by_stream=False),
    Holder("legacy-row-kept", "kept", "row", by_stream=False),
)
"""A legacy system with secrets elsewhere, such as hashes of passwords, adds its events here."""

# Where one field names what another holds: a setting and its value, a row's key and its cells, a break and both sides.
_NAMING = frozenset({"key", "name", "setting", "column"})
_NAMED = frozenset({"value", "cell", "expected", "found", "recorded", "given"})
_SETTING_STREAMS = tuple(f"{one.kind}:" for one in HOLDERS if one.by_stream)
_IDENTIFIER = re.compile(r"[\w.:-]+\Z")
_PASSWORD_IN_URL = re.compile(r"(?<=://)(?!/)[^\s/@]*:[^\s/@]+(?=@)")
_STEADY = re.compile(r"[A-Za-z0-9_]+")
_BREAKS = re.compile(r"[\s\x1c-\x1e\x85\u2028\u2029]+")
_NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?\Z", re.IGNORECASE)
_COMMON = frozenset({"true", "false", "none", "null", "default", "disabled", "enabled"})
_WRAPPED = frozenset({"text", "blob"})  # see replay.verbatim

CELL_MIN = 4
"""A shorter secret is masked only where its name stands beside it: its text is everywhere."""
ANYWHERE_MIN = 8
"""A secret this long is masked inside of other words as well."""

T = TypeVar("T")


class Names:
    """Tells by its name whether something is a secret. words: further ones, as in WORDS."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words = (*WORDS, *words)
        parts = (".".join(map(re.escape, word.lower().split("_"))) for word in self.words if word.strip("_"))
        self._found = re.compile("|".join(parts), re.DOTALL).search

    def search(self, text: str) -> bool:
        """Whether the text contains one of the words."""
        # Lower case first: a pattern that ignores case looks at every character several times.
        return self._found(text.lower()) is not None

    def tells(self, name: object) -> bool:
        """Whether this names a secret; of a key with several parts, whether one of them does."""
        if isinstance(name, str):
            return self.search(name)
        if isinstance(name, Mapping):
            return any(map(self.tells, name.values()))
        return isinstance(name, list | tuple) and any(map(self.tells, name))

    def told_by(self, fields: Mapping[str, Any]) -> bool:
        """Whether a field says that what stands beside it is a secret."""
        return any(
            (name in _NAMING and self.tells(value))
            or (
                name == "stream" and isinstance(value, str) and value.startswith(_SETTING_STREAMS) and self.tells(value)
            )
            or (name == "subject" and isinstance(value, str) and self._tells_of(value))
            for name, value in fields.items()
        )

    def _tells_of(self, subject: str) -> bool:
        """Whether the subject of a break is a secret: a setting, or the columns that stand at its end."""
        return self.tells(subject if "settings" in subject else subject.rpartition(": ")[2])


class Mask:
    """Masks secrets: by the names that stand beside them, and by their values wherever these occur."""

    def __init__(self, values: Iterable[str] = (), names: Names | None = None) -> None:
        self.names = names or Names()
        known = {value for value in values if len(_BREAKS.sub("", value)) >= CELL_MIN and value.lower() not in _COMMON}
        self._cells = frozenset(known)
        numbers = {value for value in known if _NUMBER.match(value)}
        short = {value for value in known - numbers if len(value) < ANYWHERE_MIN}
        self._anywhere = _masking(known - numbers - short)
        self._words = _masking(short | {value for value in numbers if len(value) >= ANYWHERE_MIN}, bounded=True)

    def printed(self, text: str) -> str:
        """The last look at what is printed, whatever made it: long values only, so that no JSON is torn."""
        return _PASSWORD_IN_URL.sub(MASK, self._anywhere(text))

    def text(self, text: str) -> str:
        """A sentence, or the text of a cell."""
        return MASK if text in self._cells else self._words(self.printed(text))

    def content(self, content: T) -> T:
        """The same without its secrets: structs, tuples, objects, lists, and JSON inside of texts."""
        return cast("T", self._content(content, is_named=False))

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        """The rows of a table; a cell that names a secret tells of the value beside it."""
        secret = [self.names.tells(column) for column in columns]
        named = [column in _NAMED for column in columns]
        for row in rows:
            is_named = any(isinstance(cell, str) and _IDENTIFIER.match(cell) and self.names.tells(cell) for cell in row)
            yield tuple(
                _hidden(cell) if hides or (is_named and names) else self._content(cell, is_named=False)
                for cell, hides, names in zip(row, secret, named, strict=True)
            )

    def _content(self, content: Any, *, is_named: bool) -> Any:  # what JSON can hold, and our structs
        if isinstance(content, str):
            return self._string(content)
        if isinstance(content, Mapping):
            shown = self._fields(content, is_named=is_named)
            return Counter(shown) if isinstance(content, Counter) else shown
        if isinstance(content, msgspec.Struct):
            fields = {name: getattr(content, name) for name in content.__struct_fields__}
            return msgspec.structs.replace(content, **self._fields(fields, is_named=is_named))
        if isinstance(content, tuple) and (names := getattr(content, "_fields", None)):
            fields = dict(zip(names, content, strict=True))
            return type(content)(*self._fields(fields, is_named=is_named).values())
        if isinstance(content, list | tuple):
            return type(content)(self._content(one, is_named=is_named) for one in content)
        return content

    def _fields(self, fields: Mapping[str, Any], *, is_named: bool) -> dict[str, Any]:
        is_named = is_named or self.names.told_by(fields)
        return {
            name: _hidden(value)
            if (is_named and name in _NAMED) or (not _is_object(value) and self.names.tells(name))
            else self._content(value, is_named=is_named)
            for name, value in fields.items()
        }

    def _string(self, text: str) -> str:
        if text[:1] in ("{", "[") and self.names.search(text):
            try:
                held = msgspec.json.decode(text)
            except msgspec.DecodeError:
                # An object that is cut or broken: what of it is the secret, nobody can tell.
                return MASK if text.startswith("{") else self.text(text)
            masked = self._content(held, is_named=False)
            if masked != held:
                text = msgspec.json.encode(masked).decode()
        return self.text(text)


class Unmasked(Mask):
    """Shows everything as it is: for whoever asked for it."""

    def printed(self, text: str) -> str:
        return text

    def text(self, text: str) -> str:
        return text

    def content(self, content: T) -> T:
        return content

    def rows(self, _: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        return map(tuple, rows)


def values_in(content: Any, names: Names) -> Iterator[str]:  # what JSON can hold
    """The values of all secrets that JSON content names."""
    if isinstance(content, str) and content[:1] in ("{", "[") and names.search(content):
        try:
            yield from values_in(msgspec.json.decode(content), names)
        except msgspec.DecodeError:
            return
    elif isinstance(content, Mapping):
        is_named = names.told_by(content)
        for name, value in content.items():
            if (is_named and name in _NAMED) or (not _is_object(value) and names.tells(name)):
                yield from _texts(value)
            else:
                yield from values_in(value, names)
    elif isinstance(content, list):
        for one in content:
            yield from values_in(one, names)


def _texts(value: Any) -> Iterator[str]:  # a secret, in any form that a legacy cell has
    if isinstance(value, str):
        yield value
        yield from (line for line in value.splitlines() if len(line) >= 2 * ANYWHERE_MIN)  # as in a PEM
    elif isinstance(value, Mapping):
        for name, held in value.items():
            yield from _texts(held)
            if name in _WRAPPED:
                content = base64.b64decode(held)
                yield content.decode("utf-8", "backslashreplace")
                yield repr(content)[2:-1]
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping | msgspec.Struct) and not (isinstance(value, Mapping) and {*value} < _WRAPPED)


def _hidden(value: Any) -> Any:  # any cell; nothing stays nothing
    if isinstance(value, list | tuple):
        return type(value)(map(_hidden, value))
    return value if value is None or value == "" else MASK


class _Found(NamedTuple):
    """How a value is recognised. anchor: its longest part that is written the same everywhere, which is quick to look for."""

    anchor: str
    pattern: re.Pattern[str]


def _found(value: str) -> _Found:
    return _Found(max(_STEADY.findall(value), key=len, default=""), re.compile("".join(map(_written, value))))


def _written(char: str) -> str:
    """The ways a character may stand in what is printed: in JSON, in JSON inside of JSON, in CSV, HTML, Python, on one line."""
    if char.isascii() and (char.isalnum() or char in " _"):
        return char
    code = ord(char)
    escaped = rf"\\+(?:u0*{code:04x}|x{code:02x}|U0*{code:x})"
    if char == "\\":
        return r"\\+"
    if char.splitlines() != [char]:
        return (
            rf"(?:{re.escape(char)}|{escaped}|\\+[nrvf]| )?"  # on one line two of them are one space, the last one none
        )
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        escaped += rf"|\\+u{0xD800 + high:04x}\\+u{0xDC00 + low:04x}"
    others = {"\t": r"\\+t", "\b": r"\\+b", '"': r'\\*"{1,2}', "'": r"\\*'"}
    html_form = re.escape(html.escape(char))
    return rf"(?:{re.escape(char)}|{others.get(char, escaped)}|{escaped}|{html_form})"


def _masking(values: Iterable[str], *, bounded: bool = False) -> Callable[[str], str]:
    """Masks every one of these values; bounded: only where it is a word of its own."""
    found = [_found(value) for value in sorted(values, key=len, reverse=True)]

    def replaced(match: re.Match[str]) -> str:
        around = match.string[max(0, match.start() - 1) : match.start()] + match.string[match.end() : match.end() + 1]
        return match[0] if bounded and any(one.isalnum() or one in "._" for one in around) else MASK

    def masked(text: str) -> str:
        for anchor, pattern in found:
            if anchor in text:
                text = pattern.sub(replaced, text)
        return text

    return masked
