"""Which security a file of the history folder belongs to (legacy facts 1.13).

A file name cannot be turned back into a symbol: `_` stands for a dot and, in one writer, for a hyphen too, and newer files
are named by ISIN. So the names that every known symbol can have are built forwards, and the file is looked up among them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


class Security(NamedTuple):
    """What is known of a symbol: its ISIN, if it is one, and whether the security is active."""

    symbol: str
    isin: str | None = None
    active: bool = True


class Owner(NamedTuple):
    """The symbol of a file; `assumed` with the reason when it is not certain."""

    symbol: str
    assumed: str = ""


def file_stems(symbol: str) -> list[str]:
    """The names that the writers of the legacy system give to a symbol's file."""
    dots = symbol.replace(".", "_")
    return list(dict.fromkeys((dots, dots.replace("-", "_"), symbol, f"{symbol}.history")))


class Names:
    """The file names of all known symbols."""

    def __init__(self, securities: Iterable[Security]) -> None:
        self._by_stem: dict[str, list[Security]] = defaultdict(list)
        self._by_isin: dict[str, list[Security]] = defaultdict(list)
        for security in sorted(set(securities), key=lambda one: (not one.active, one.symbol)):
            for name in file_stems(security.symbol):
                self._by_stem[name].append(security)
            if security.isin and ISIN.fullmatch(security.isin):
                self._by_isin[security.isin].append(security)

    def owner(self, file: str) -> Owner:
        """Whose prices a file holds; a file that no symbol explains goes by its own name, and that is an assumption."""
        stem = file.rsplit("/", 1)[-1].removesuffix(".db")
        by_name, by_isin = self._by_stem.get(stem, []), self._by_isin.get(stem, [])
        owners = {one.symbol: one for one in (*by_name, *by_isin)}
        if len(owners) == 1:
            return Owner(*owners)
        if owners:
            first = next(iter(owners))
            return Owner(first, f"{file} may belong to {' or '.join(owners)}; taken as {first}")
        return self._leftover(file, stem)

    def _leftover(self, file: str, stem: str) -> Owner:
        if re.fullmatch(r"[A-Z0-9]+_[A-Z]{2}", stem):
            symbol = stem.replace("_", ".")
            return Owner(symbol, f"{file} belongs to no known security; its name can only mean {symbol}")
        return Owner(stem, f"{file} belongs to no known security; its prices are recorded under its own name {stem}")


def isin_faults(securities: Mapping[str, str | None]) -> list[str]:
    """What is wrong with the ISINs of the universe, a sentence each: malformed ones and ones that two symbols share."""
    faults, owners = [], defaultdict(list)
    for symbol, isin in sorted(securities.items()):
        if isin is None:
            continue
        if ISIN.fullmatch(isin) is None:
            faults.append(f"{symbol}: {isin!r} is not an ISIN")
        else:
            owners[isin].append(symbol)
    faults += [
        f"{isin} is the ISIN of {' and '.join(names)}" for isin, names in sorted(owners.items()) if len(names) > 1
    ]
    return faults
