"""Whether the times of bars and ticks look as if they had been read in another zone than theirs."""

from __future__ import annotations

from collections.abc import Iterator

from replay.market_series import OUTSIDE
from replay.report import RunReport

_SUSPICIOUS = 0.5  # of the rows of a table


def misread_times(report: RunReport) -> Iterator[str]:
    """A finding for each table most of whose rows lie outside of all sessions: the programs wrote none there."""
    for table in report.tables:
        outside = table.kept_reasons[OUTSIDE]
        if outside > table.read * _SUSPICIOUS:
            how = "nobody named a zone" if report.timezone_assumed else f"the zone of this run is {report.timezone}"
            yield (
                f"{table.file} {table.table}: {outside:,} of {table.read:,} rows lie outside of the session: their times "
                f"are probably of another zone ({how}); name it with --timezone, or for this table in daybook.toml, and replay "
                "again: what was kept is then recorded, and what was misread is taken back"
            )
