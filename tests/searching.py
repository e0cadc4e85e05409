"""How many examples a property searches whose examples take long."""

from __future__ import annotations

import os


def examples(daily: int) -> int:
    """That many, and twenty times as many where `./dev soak` searches for long."""
    return daily * 20 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else daily
