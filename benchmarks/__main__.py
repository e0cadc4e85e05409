"""`./dev bench [NAME…] [--quick] [--write]`: measure, and say what was found."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import FULL, QUICK, ROOT, Row, Sizes
from benchmarks.page import line, page

NAMES = (
    "prices", "facts", "verifying", "appending", "entering", "demo_home", "memory", "starting", "peers", "auditing",
    "large_log", "following",
)  # fmt: skip
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Exit code 1 when a goal was missed."""
    asked = _arguments()
    sizes = QUICK if asked.quick else FULL
    load = os.getloadavg()[0]
    rows = []
    for name, row in _measured(asked.names or NAMES, sizes):
        rows.append((name, row))
        print(line(row), flush=True)
    if asked.write:
        PAGE.write_text(page(rows, sizes, load), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return int(any(row.verdict == "missed" for _, row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure, beside the raw limits of this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute; ratios are rougher")
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args()
    if unknown := set(asked.names) - {*NAMES}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if asked.write and (asked.names or asked.quick):
        parser.error("the page is written from all benchmarks at full size")
    return asked


def _measured(names: tuple[str, ...], sizes: Sizes) -> Iterator[tuple[str, Row]]:
    for name in names:
        print(f"# {name}", file=sys.stderr, flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
            for row in module.measure(Path(folder), sizes):
                yield name, row


if __name__ == "__main__":
    sys.exit(main())
