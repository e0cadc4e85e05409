"""Candles and ticks as the tables of a library, whose column types do not depend on the rows that there are."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from domain.errors import LedgerError

As = Literal["rows", "arrow", "pandas", "polars"]
Kind = Literal["moment", "real", "whole", "truth"]

_PACKAGES: Final = {"arrow": "pyarrow", "pandas": "pandas", "polars": "polars"}

# Any: a table, or a module, of the library asked for; their types are known only where they are installed.
Columns = Mapping[str, Sequence[Any]]


def as_frame(to: As, kinds: Mapping[str, Kind], zone: str, rows: Sequence[tuple[Any, ...]]) -> Any:
    """The rows as a table of the library `to`, columns in the order of `kinds`; moments stay aware, in `zone`.

    Raises LedgerError when the library is not installed, or there is no such form.
    """
    if to not in _PACKAGES:
        raise LedgerError(f"market data cannot be given as {to!r}", hint=f"There are: rows, {', '.join(_PACKAGES)}.")
    library = _loaded(_PACKAGES[to])
    values = list(zip(*rows, strict=True)) or [()] * len(kinds)
    columns = dict(zip(kinds, values, strict=True))
    return _MAKERS[to](library, kinds, zone, columns)


def _loaded(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise LedgerError(
            f"{package} is not installed", hint=f"Install it beside Daybook: pip install {package}"
        ) from error


def _arrow(library: Any, kinds: Mapping[str, Kind], zone: str, columns: Columns) -> Any:
    types = {
        "moment": library.timestamp("us", tz=zone), "real": library.float64(), "whole": library.int64(),
        "truth": library.bool_(),
    }  # fmt: skip
    schema = library.schema([(name, types[kind]) for name, kind in kinds.items()])
    return library.table([list(columns[name]) for name in kinds], schema=schema)


def _pandas(library: Any, kinds: Mapping[str, Kind], zone: str, columns: Columns) -> Any:
    # Int64 can lack a value; int64 cannot, and a volume that is missing would make doubles of all of them.
    types = {"moment": f"datetime64[us, {zone}]", "real": "float64", "whole": "Int64", "truth": "bool"}
    return library.DataFrame(
        {name: library.Series(list(columns[name]), dtype=types[kind]) for name, kind in kinds.items()}
    )


def _polars(library: Any, kinds: Mapping[str, Kind], zone: str, columns: Columns) -> Any:
    types = {
        "moment": library.Datetime("us", zone), "real": library.Float64, "whole": library.Int64,
        "truth": library.Boolean,
    }  # fmt: skip
    return library.DataFrame(
        {name: list(columns[name]) for name in kinds}, schema={name: types[kind] for name, kind in kinds.items()}
    )


_MAKERS: Final = {"arrow": _arrow, "pandas": _pandas, "polars": _polars}
