"""The tours in README and docs/ show what really happens: their commands are run, and what they print is compared."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import pytest

from tests.cli.program import mishaps
from tests.market.market import STOCK, bars
from tests.trading_bot.legacy import monolith_b, write_monolith

TIMEOUT_S = 300
ROOT = Path(__file__).resolve().parent.parent
TOURS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/audit.md", "docs/operations.md", "docs/trading-bot.md")
}

# Every command is a process of its own, forked from one that has imported everything: most of the time of a short command
# would go into that.
CLI = """
import gc, importlib, json, os, pkgutil, sys
sys.path.insert(0, {root!r})
from cli import main
for package in ("commands", "operations"):
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(found.name)
gc.freeze()
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        for number, path in enumerate([os.devnull, asked["out"], asked["err"]]):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = ["cli", *asked["words"]]
        try:
            sys.exit(main())
        except SystemExit as stop:
            sys.stdout.flush()
            os._exit(stop.code or 0)
    print(os.waitpid(child, 0)[1], flush=True)
"""

# Python as Daybook's environment has it.
PYTHON = """#!{python}
import runpy, sys
sys.path.insert(0, {root!r})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

# For a machine without the sqlite3 shell: what the tour asks of it.
SQLITE = """#!{python}
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
try:
    for row in db.execute(sys.argv[2]):
        print("|".join(str(cell) for cell in row))
except sqlite3.Error as error:
    sys.exit(f"Error: stepping, {{error}} ({{error.sqlite_errorcode}})")
"""

# What is another on every machine and every day: seconds, moments, hashes.
VARIES = [
    (re.compile(r"\d{8}T\d{6}\.\d{6}Z"), "<stamp>"),
    (re.compile(r"\b[0-9a-f]{16}…"), "<hash>…"),
    (re.compile(r"\d+\.\d+ (?=s\b|seconds)"), "<seconds> "),
    (re.compile(r" +\d+\.\d\d$"), " <seconds>"),
]


class Cli:
    """Runs `cli` as a shell would; a context manager. place: a folder for what it prints, and for demos that were made."""

    def __init__(self, place: Path) -> None:
        self._out, self._err, self._made = place / "out.txt", place / "err.txt", place / "demos"
        self._printed: dict[str, str] = {}  # by the demo's arguments
        words = [sys.executable, "-c", CLI.format(root=str(ROOT))]
        self._server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.communicate()

    def run(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> str:
        """What a command prints. The demo, with which several tours begin, is made once and copied."""
        if words[0] != "demo":
            return self._run(words, cwd, env)
        key = " ".join(words)
        if key not in self._printed:
            self._printed[key] = self._run(words, cwd, env)
            shutil.copytree(cwd / "tour", self._made / key)
        else:
            shutil.copytree(self._made / key, cwd / "tour")
        return self._printed[key]

    def _run(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> str:
        asked = {"words": words, "cwd": str(cwd), "env": dict(env), "out": str(self._out), "err": str(self._err)}
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        ready, _, _ = select.select([self._server.stdout], [], [], TIMEOUT_S)
        assert ready, f"{words} takes longer than {TIMEOUT_S} s"
        assert self._server.stdout.readline()
        # Where a machine is slow, progress stands before what is shown.
        return self._out.read_text(encoding="utf-8") or "\n".join(mishaps(self._err.read_text(encoding="utf-8")))


class Step(NamedTuple):
    """A command of the tour and the lines shown below it."""

    command: str
    shown: list[str]


def steps(text: str) -> Iterator[Step]:
    """`$ ` begins a command, but for those that the demo itself shows between its lines."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        step: Step | None = None
        for line in block.splitlines():
            if line.startswith("$ ") and not (step and step.command.startswith("cli demo")):
                if step:
                    yield step
                step = Step(line[2:], [])
            elif step:
                step.shown.append(line)
        if step:
            yield step


def steady(line: str) -> str:
    for varying, name in VARIES:
        line = varying.sub(name, line)
    return line.strip()


def matches(shown: str, printed: str) -> bool:
    """`…` stands for any text within a line."""
    pattern = ".*".join(map(re.escape, re.split(r"(?<![>])…", steady(shown))))
    return re.fullmatch(pattern, steady(printed)) is not None


def missing(shown: list[str], printed: list[str]) -> str | None:
    """The first line that was not printed in its place; a line `…` stands for any lines, else one follows the other."""
    place, anywhere = 0, False
    for line in shown:
        if line == "…":
            anywhere = True
            continue
        ends = len(printed) if anywhere else place + 1
        found = next((at for at in range(place, min(ends, len(printed))) if matches(line, printed[at])), None)
        if found is None:
            return line
        place, anywhere = found + 1, False
    return None if anywhere or place == len(printed) else f"(more was printed: {printed[place]})"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with Cli(tmp_path_factory.mktemp("cli")) as server:
        yield server


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """An environment with `python` and `sqlite3` on its path; the machine's own shell where it has one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("python", PYTHON), *([] if shutil.which("sqlite3") else [("sqlite3", SQLITE)])):
        path = folder / name
        path.write_text(text.format(python=sys.executable, root=str(ROOT)))
        path.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in {"DAYBOOK_HOME", "FORCE_COLOR"}}
    return kept | {"PATH": f"{folder}:{os.environ['PATH']}"}


def write_bot(place: Path) -> None:
    """A small monolith, and the bars of the session after it."""
    (place / "bot").mkdir()
    write_monolith(place / "bot" / "trading_bot.duckdb", "b", monolith_b(per_session=4))
    rows = [
        {"symbol": STOCK, "time": bar.time.isoformat(), "timeframe": "1m", **dict(zip(bar._fields[1:], bar[1:], strict=True))}
        for bar in bars("2026-02-04", 7, price=1430.0)
    ]  # fmt: skip
    (place / "bars.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("tour", TOURS)
def test_a_tour_shows_what_happens(tmp_path: Path, tools: dict[str, str], cli: Cli, tour: str) -> None:
    # A copy that was made today is made again tomorrow, and no tour goes on for two days.
    left = 86_400 - time.time() % 86_400
    time.sleep(left + 1 if left < 30 else 0)
    place = tmp_path / "place"
    place.mkdir()
    (place / "docs").symlink_to(ROOT / "docs")
    for name, code in re.findall(r"^```python\n# (\S+)\n(.*?)^```", TOURS[tour], re.MULTILINE | re.DOTALL):
        (place / name).write_text(code, encoding="utf-8")
    if tour == "docs/trading-bot.md":
        write_bot(place)
    count = 0
    for step in steps(TOURS[tour]):
        words = shlex.split(step.command)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            tools[name] = value
            continue
        printed = (cli.run(words[1:], place, tools) if words[0] == "cli" else other(words, place, tools)).splitlines()
        wrong = missing(step.shown, printed)
        assert wrong is None, f"$ {step.command}\nnot found: {wrong}\n\n" + "\n".join(printed)
        count += 1
    assert count > 10


def other(words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> str:
    """What another program prints."""
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    return done.stdout or done.stderr


LINKS = [(tour, name) for tour, text in TOURS.items() for name in re.findall(r"\]\(((?!http)[^)#]+)\)", text)]


@pytest.mark.parametrize(("tour", "name"), LINKS)
def test_what_a_tour_points_to_is_there(tour: str, name: str) -> None:
    assert (ROOT / tour).parent.joinpath(name).exists()


def test_a_line_that_is_not_printed_is_found() -> None:
    assert missing(["a", "…", "z"], ["a", "b", "z"]) is None
    assert missing(["a", "…", "c"], ["a", "b", "z"]) == "c"
    assert missing(["a", "z"], ["a", "b", "z"]) == "z"
    assert missing(["a"], ["a", "b"]) == "(more was printed: b)"
    assert missing(["a 0.3 s, … b"], ["a 12.5 s, whatever b"]) is None
