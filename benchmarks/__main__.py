"""`./dev bench [NAME…] [--quick] [--write]`: measure, and say what was found."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kept import Kept, load_now, measured_now, update
from benchmarks.measuring import FULL, QUICK, ROOT, Row, Sizes
from benchmarks.page import line, page

NAMES = (
    "prices", "facts", "verifying", "appending", "entering", "demo_home", "memory", "starting", "peers", "auditing",
    "large_log", "following", "market",
)  # fmt: skip
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Exit code 1 when a goal was missed."""
    asked = _arguments()
    sizes = QUICK if asked.quick else FULL
    measured: dict[str, Kept] = {}
    load = load_now()  # once: later it would be that of the benchmark before
    for name in asked.names or NAMES:
        rows = []
        for row in _measured(name, sizes):
            rows.append(row)
            print(line(row), flush=True)
        measured[name] = measured_now(rows, load)
        if asked.write:
            kept = update(measured)
            PAGE.write_text(page([(name, kept[name]) for name in NAMES if name in kept], sizes), encoding="utf-8")
    if asked.write:
        print(f"written: {PAGE.relative_to(ROOT)}")
    return int(any(row.verdict == "missed" for kept in measured.values() for row in kept.rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure, beside the raw limits of this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute; ratios are rougher")
    parser.add_argument(
        "--write", action="store_true", help=f"also write {PAGE.relative_to(ROOT)}, the other rows as they are"
    )
    asked = parser.parse_args()
    if unknown := set(asked.names) - {*NAMES}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if asked.write and asked.quick:
        parser.error("the page is written from benchmarks at full size")
    return asked


def _measured(name: str, sizes: Sizes) -> Iterator[Row]:
    print(f"# {name}", file=sys.stderr, flush=True)
    module = importlib.import_module(f"benchmarks.{name}")
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        yield from module.measure(Path(folder), sizes)


if __name__ == "__main__":
    sys.exit(main())
