"""All read models: every module in projections/ that has a projector."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import projections
from domain.errors import LedgerError
from projections.projector import Projector


@cache
def projectors() -> tuple[Projector, ...]:
    """Every projector, by name."""
    modules = (
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(projections.__path__, prefix="projections.")
    )
    found = [module.projector for module in modules if isinstance(getattr(module, "projector", None), Projector)]
    return tuple(sorted(found, key=lambda one: one.name))


def find(name: str) -> Projector:
    """The projector of the read model with this name."""
    for projector in projectors():
        if projector.name == name:
            return projector
    names = ", ".join(projector.name for projector in projectors())
    raise LedgerError(f"there is no read model {name!r}", hint=f"There are: {names}.")
