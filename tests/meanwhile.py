"""What another program does at one moment: right after, or right before, a function is called for the first time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


# Any: whatever the function takes and gives.
def meanwhile(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, work: Callable[[], object], *, before: bool = False
) -> list[bool]:
    """Do the work once, at that moment; the list is empty until it was done."""
    real: Callable[..., Any] = getattr(owner, name)
    done: list[bool] = []

    def called(*arguments: Any, **named: Any) -> Any:
        if done:
            return real(*arguments, **named)
        if before:
            done.append(True)
            work()
            return real(*arguments, **named)
        found = real(*arguments, **named)
        if not done:
            done.append(True)
            work()
        return found

    monkeypatch.setattr(owner, name, called)
    return done
