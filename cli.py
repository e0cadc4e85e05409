"""The commands: parse, call one function, show the result."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from domain.errors import LedgerError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Program(click.Group):
    """Shows an error that a user can mend as one line with its hint, and ends with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        try:
            return super().invoke(ctx)
        except LedgerError as error:
            from operations.showing import fail

            fail(error, as_json=bool((ctx.obj or {}).get("json")))
            ctx.exit(error.exit_code)


def _as_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.ensure_object(dict)["json"] = value or ctx.obj.get("json", False)
    return bool(ctx.obj["json"])


json_option = click.option("--json", "as_json", is_flag=True, callback=_as_json, help="One JSON object on stdout.")


@click.group(cls=Program, context_settings=CONTEXT)
@click.option("--home", type=click.Path(path_type=Path), default="data", envvar="DAYBOOK_HOME", show_default=True,
              show_envvar=True, help="The folder with ledger.db, the read models and the reports.")  # fmt: skip
@click.version_option(package_name="daybook")
@click.pass_context
def main(ctx: click.Context, home: Path) -> None:
    """Daybook: an event-sourced ledger for automated trading systems.

    Replays a legacy system's databases into an append-only, tamper-evident log, derives every read model from that log,
    and proves that nothing was lost or altered. Exit codes: 0 all is well, 1 a break, a mismatch or tampering was found,
    2 wrong usage or environment, 3 a source or store could not be read.
    """
    ctx.ensure_object(dict)["home"] = home


@main.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--system", help="The legacy system, when it is not to be recognised from its files.")
@click.option(
    "--timezone",
    metavar="ZONE",
    help="Zone of naive times, such as Europe/Athens.  [default: UTC, reported as assumed]",
)
@click.option("--verify-only", is_flag=True, help="Look at the sources and change nothing.")
@click.option("--dry-run", is_flag=True, help="The whole run and its report into a throw-away home.")
@click.option("--catch-up/--no-catch-up", default=True, help="Bring the read models up to date and compare them.")
@json_option
@click.pass_context
def replay(ctx: click.Context, source: Path, system: str | None, timezone: str | None, verify_only: bool, dry_run: bool,
           catch_up: bool, as_json: bool) -> None:  # fmt: skip
    """Replay the legacy databases in the folder (or file) SOURCE into the ledger, and prove it.

    The legacy files are only read. Killed anywhere and started again it ends with the same events; a second run of the same
    sources appends nothing. Exit code 1 when the proof fails or a break stands open, 3 when a source cannot be read.
    """
    from operations import replaying, showing

    if verify_only and dry_run:
        raise click.UsageError("--verify-only and --dry-run exclude each other.")
    mode = "verify-only" if verify_only else "dry-run" if dry_run else "replay"
    with showing.teller(as_json=as_json) as teller:
        report = replaying.replay(
            source, ctx.obj["home"], system=system, timezone=timezone, mode=mode, catch_up=catch_up, tell=teller.tell
        )
    showing.run_report(report, as_json=as_json)
    ctx.exit(report.exit_code)


@main.command("rebuild-projection")
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "every", is_flag=True, help="All read models, on all cores.")
@click.option(
    "--as-of", metavar="T", help="As it was at T in the world (valid time): 2025-12-28 or 2025-12-28T18:00:00Z."
)
@click.option("--as-known-at", metavar="T", help="As the ledger knew it at T (recorded time).")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Write there and leave the home alone.")
@json_option
@click.pass_context
def rebuild_projection(ctx: click.Context, names: tuple[str, ...], every: bool, as_of: str | None, as_known_at: str | None,
                       into: Path | None, as_json: bool) -> None:  # fmt: skip
    """Build read models again from the first event, beside the live ones, compare, and switch."""
    from operations import rebuilding, showing

    if bool(names) == every:
        raise click.UsageError("Name the read models, or use --all.")
    with showing.teller(as_json=as_json) as teller:
        result = rebuilding.rebuild(
            ctx.obj["home"], names, as_of=as_of, known_at=as_known_at, into=into, tell=teller.tell
        )
    showing.rebuilt(result, as_json=as_json)


@main.command("catch-up")
@json_option
@click.pass_context
def catch_up(ctx: click.Context, as_json: bool) -> None:
    """Bring all read models up to date with the log."""
    from operations import rebuilding, showing

    with showing.teller(as_json=as_json) as teller:
        result = rebuilding.catch_up_all(ctx.obj["home"], tell=teller.tell)
    showing.caught_up(result, as_json=as_json)


@main.command()
@click.argument("what", type=click.Choice(["ledger", "projections", "sources", "all"]), default="all")
@click.option("--repair", is_flag=True, help="Rebuild read models that differ. The ledger is never changed.")
@json_option
@click.pass_context
def verify(ctx: click.Context, what: str, repair: bool, as_json: bool) -> None:
    """Check the log's hash chain, derive every read model again, and compare the frozen sources, row by row."""
    from operations import showing, verifying

    with showing.teller(as_json=as_json) as teller:
        verdict = verifying.verify(ctx.obj["home"], what, repair=repair, tell=teller.tell)
    showing.verdict(verdict, as_json=as_json)
    ctx.exit(verdict.exit_code)


@main.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Where the log and the read models stand."""
    from operations import showing, standing

    showing.status(standing.status(ctx.obj["home"]), as_json=as_json)


@main.command()
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the demo there.  [default: a temporary folder]",
)
@click.option("--securities", type=click.IntRange(5, 500), default=65, show_default=True)
@click.option("--years", type=click.IntRange(1, 30), default=10, show_default=True)
@json_option
@click.pass_context
def demo(ctx: click.Context, into: Path | None, securities: int, years: int, as_json: bool) -> None:
    """Make a realistic legacy folder, replay it, rebuild, verify, and show the result."""
    from operations import demonstration, showing

    with showing.teller(as_json=as_json) as teller:
        result = demonstration.demo(into, securities=securities, years=years, tell=teller.tell)
    showing.demo(result, as_json=as_json)
    ctx.exit(result.exit_code)


if __name__ == "__main__":
    sys.exit(main())
