"""Running the program for tests: inside this process where that is enough, as a process where it matters."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
# As the installed command does it, without an installation.
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[0] = 'cli'; from cli import main; sys.exit(main())"
# Phase, file and how far it is; the phase alone where nobody counts.
_PROGRESS = re.compile(r"[a-z ]+(: \S+)?(: [\d,]+ of [\d,]+ (rows|events).*)?")
_started: list[subprocess.Popen[str]] = []
COMMAND = (sys.executable, "-c", START)


def run(*arguments: object, home: Path | None = None) -> Result:
    """Run a command; whatever happens, nobody sees a traceback."""
    words = [str(one) for one in arguments]
    result = CliRunner().invoke(main, ["--home", str(home), *words] if home else words, prog_name="cli")
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    return result


def run_json(*arguments: object, home: Path | None = None) -> dict[str, Any]:
    """Run a command with --json: stdout holds one object, which tells the exit code."""
    result = run(*arguments, "--json", home=home)
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    assert found["exit_code"] == result.exit_code
    return found


def refused(result: Result, exit_code: int, *said: str) -> None:
    """The command ended with one line on stderr that says all of this, and with nothing on stdout."""
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    (line,) = mishaps(result.stderr)
    assert line.startswith("Error: ")
    for one in said:
        assert one in line


def environment(**more: str) -> dict[str, str]:
    """The environment of a process, without what would change its output."""
    kept = {
        name: value for name, value in os.environ.items() if name not in {"DAYBOOK_HOME", "NO_COLOR", "FORCE_COLOR"}
    }
    return kept | more


def start(*arguments: object, program: str = START, **options: Any) -> subprocess.Popen[str]:
    """Start a command as a process of a group of its own."""
    words = [sys.executable, "-c", program, *(str(one) for one in arguments)]
    process = subprocess.Popen(
        words, text=True, start_new_session=True,
        **{"env": environment(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
    )  # fmt: skip
    _started.append(process)
    return process


def end_what_runs() -> None:
    """End what a failed test left: it would go on beside the tests after it, and fail one that has no part in it."""
    while _started:
        with _started.pop() as process:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def heard(process: subprocess.Popen[str], wanted: str) -> str:
    """The next line on stderr that is not progress; it holds what is wanted."""
    assert process.stderr is not None
    line = next(line for line in process.stderr if mishaps(line))
    assert wanted in line
    return line


def heard_at_last(process: subprocess.Popen[str], wanted: str) -> str:
    """The next line on stderr that holds what is wanted, whatever is said before it."""
    assert process.stderr is not None
    return next(line for line in process.stderr if wanted in line)


def mishaps(err: str) -> list[str]:
    """What a process said on stderr but its progress, which it tells when a phase takes longer than a second."""
    return [line for line in err.splitlines() if not _PROGRESS.fullmatch(line)]


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a process that comes to its end."""
    with process:
        out, err = process.communicate(timeout=240)
    assert "Traceback" not in err, err
    return process.returncode, out, err
