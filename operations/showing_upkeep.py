"""What `cli retention`, `maintain`, `run` and `schedule` print."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from operations.printing import as_object, plain, say, table
from operations.retention import Retention
from operations.scheduling.running import run
from operations.stopping import until_terminated
from operations.upkeep import Upkeep


def retention(found: Retention, *, dry_run: bool, as_json: bool) -> None:
    """What was forgotten, what waits, and what stays although its time is over."""
    if as_json:
        as_object({**msgspec.to_builtins(found), "dry_run": dry_run, "exit_code": 0})
        return
    would = "would be " if dry_run else ""
    for symbol in found.purged:
        say(f"{plain(symbol)}: {would}forgotten; the log keeps its prices")
    for symbol in found.orphans:
        say(f"{plain(symbol)}: has prices but no security; its days of grace {'would ' if dry_run else ''}begin now")
    for kept in found.held:
        say(f"{plain(kept.symbol)}: stays, because {kept.reason}")
    for one in found.waiting:
        say(f"{plain(one.symbol)}: stays until {one.until[:10]}, {one.rows:,} daily prices")
    old = found.archived
    if old.files:
        say(f"{len(old.files):,} day files, {old.rows:,} rows: {would}archived as Parquet, {old.files[0]} the oldest")
    for some in old.held:
        say(f"{some.files:,} day files, {some.first} the oldest: stay, because {plain(some.reason)}")
    if not any((found.purged, found.orphans, found.held, found.waiting, old.files, old.held)):
        say("Nothing was removed.")


def upkeep(found: Upkeep, *, as_json: bool) -> None:
    """Each step, and what it did."""
    if as_json:
        as_object({**msgspec.to_builtins(found), "exit_code": found.exit_code})
        return
    rows = [(step.name, step.outcome, step.said, f"{step.seconds:.2f}") for step in found.steps]
    table(("step", "outcome", "what was done", "seconds"), rows, texts=3)


def running(home: Path, *, as_json: bool) -> None:
    """A line for each job that ends, until it is stopped."""

    def tell(said: str) -> None:
        if as_json:
            sys.stdout.write(msgspec.json.encode({"said": said}).decode() + "\n")
        else:
            say(plain(said))
        sys.stdout.flush()

    with until_terminated() as stop:
        run(home, say=tell, stop=stop)


def units(made: Mapping[str, str], out: Path | None, *, as_json: bool) -> None:
    """The units on stdout, one after the other, or in a folder."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            (out / name).write_text(content, encoding="utf-8")
    if as_json:
        as_object({"units": dict(made), "exit_code": 0})
    elif out is not None:
        say(f"{len(made)} files were written into {plain(out)}")
    else:
        for name, content in made.items():
            sys.stdout.write(content if len(made) == 1 else f"# {name}\n{content}\n")
