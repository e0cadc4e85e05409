"""All read models: every module in projections/ that has a projector."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import projections
from domain.errors import LedgerError
from domain.streams import stream
from domain.systems import SYSTEMS, systems_of
from ledger.log import Log
from projections.projector import Projector


@cache
def projectors() -> tuple[Projector, ...]:
    """Every projector of every system, by name."""
    modules = (
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(projections.__path__, prefix="projections.")
    )
    found = [module.projector for module in modules if isinstance(getattr(module, "projector", None), Projector)]
    return tuple(sorted(found, key=lambda one: one.name))


def projectors_of(log: Log) -> tuple[Projector, ...]:
    """The projectors of the systems that the log is about: the read models that its home has."""
    present = systems_in(log)
    return tuple(one for one in projectors() if one.system in present)


def systems_in(log: Log) -> frozenset[str]:
    """The systems that the log is about."""
    streams = {stream("replay", system): system for system in SYSTEMS}
    replayed = [streams[name] for name in log.versions(list(streams))]
    return systems_of(log.kinds(), replayed)


def file_of(name: str) -> str:
    """Where the read model with this name lies in a home, relative to it."""
    return _files().get(name, f"{name}.db")


@cache
def _files() -> dict[str, str]:
    return {projector.name: projector.file for projector in projectors()}


def find(name: str) -> Projector:
    """The projector of the read model with this name."""
    for projector in projectors():
        if projector.name == name:
            return projector
    names = ", ".join(projector.name for projector in projectors())
    raise LedgerError(f"there is no read model {name!r}", hint=f"There are: {names}.")
