"""How long a user waits before anything happens: `cli --help`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import ROOT, Row, Sizes, in_turns, timed


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """Start the command line, beside a Python that does nothing."""
    del place

    def cli() -> float:
        return timed(lambda: _run("cli.py", "--help"))

    def python() -> float:
        return timed(lambda: _run("-c", "pass"))

    cli()
    ours, bare = in_turns(sizes.starts, cli, python)
    yield Row(
        work="cli --help", count=1, unit="starts", ours=ours, limit=bare, limit_name="python -c pass", goal_s=0.15
    )


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
