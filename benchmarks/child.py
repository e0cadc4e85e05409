"""Work that is done in a process of its own, so that its peak of memory can be seen."""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import timed


def replay(source: str, home: str) -> None:
    """Freeze, translate, append, reconcile, prove."""
    from operations.replaying import replay as run

    report = run(Path(source), Path(home), catch_up=False)
    assert report.proven, report.mismatches or report.failed


def catch_up(source: str, home: str) -> None:
    """The same, and the read models, and their comparison with the sources."""
    from operations.replaying import replay as run

    assert run(Path(source), Path(home)).proven


def rebuild(home: str, name: str) -> None:
    """Derive one read model again, compare, switch."""
    from operations.rebuilding import rebuild as run

    run(Path(home), [name], as_of=None, known_at=None, into=None, tell=lambda *_: None)


def derive(home: str, name: str) -> None:
    """Derive one read model that is not there yet."""
    from ledger.log import open_log
    from projections import catalog
    from projections.engine import catch_up as bring
    from projections.engine import model_path

    with open_log(Path(home)) as log:
        bring(catalog.find(name), log, model_path(Path(home), name))


def verify(home: str, what: str) -> None:
    """Verify the ledger, the projections or the sources."""
    from operations.verifying import verify as run

    result = run(Path(home), what, repair=False, tell=lambda *_: None)
    assert result.exit_code == 0, result.parts


WORKS: dict[str, Callable[[str, str], None]] = {
    one.__name__: one for one in (replay, catch_up, rebuild, derive, verify)
}


def peak_mb() -> float:
    """The peak of this process alone. Not ru_maxrss: on Linux a process begins with that of the one that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    own = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return own / 1024


def main(work: str, first: str, second: str) -> None:
    """Do one work and say what it took, as JSON."""
    seconds = timed(lambda: WORKS[work](first, second))
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
