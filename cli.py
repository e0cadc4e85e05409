"""The commands: parse, call one function, show the result."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from commands.audit import audit
from commands.backup import backup, drill, restore, ship
from commands.cutover import cutover, export_legacy
from commands.health import health
from commands.market import rollover
from commands.options import REVEALED, common
from commands.record import record
from commands.schema import schema
from commands.simulate import simulate
from commands.trace import QUESTIONS
from commands.upkeep import maintain, retention, run, schedule
from commands.watch import watch
from domain.errors import LedgerError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Program(click.Group):
    """Shows an error that a user can mend as one line with its hint, and ends with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        from operations.masking import masked_output, typed

        _open_what_is_closed()
        about = ctx.ensure_object(dict)
        with masked_output(
            lambda: about.get("home"), known=typed(ctx.args), is_revealed=lambda: about.get(REVEALED, False)
        ):
            return self._shown(ctx)

    def _shown(self, ctx: click.Context) -> Any:  # whatever the command returns
        as_json = "--json" in ctx.args
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except (LedgerError, OSError, KeyboardInterrupt) as error:
            from operations.printing import fail

            ctx.exit(fail(error, as_json=as_json))
        except click.UsageError as error:
            if as_json:
                from operations.printing import as_object

                as_object({"error": error.format_message(), "hint": "", "exit_code": error.exit_code})
            raise


def _open_what_is_closed() -> None:
    """Who is started without an output does its work and shows it to nobody, as one without an input reads nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  open until the program ends


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from operations.program import program_version

        click.echo(f"Daybook {program_version()}")
        ctx.exit()


def _models(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    from projections.catalog import projectors

    return [CompletionItem(one.name) for one in projectors() if one.name.startswith(begun)]


@click.group(cls=Program, context_settings=CONTEXT)
@click.option("--home", type=click.Path(path_type=Path), default="data", envvar="DAYBOOK_HOME", show_default=True,
              show_envvar=True, help="The folder with ledger.db, the read models and the reports.")  # fmt: skip
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def main(ctx: click.Context, home: Path) -> None:
    """Daybook: an event-sourced ledger for automated trading systems.

    Replays a legacy system's databases into an append-only, tamper-evident log, derives every read model from that log,
    and proves that nothing was lost or altered.

    Exit codes: 0 all is well; 1 a break, a mismatch or tampering was found; 2 wrong usage or environment; 3 a source or
    store could not be read; 130 stopped by Ctrl-C.
    """
    ctx.ensure_object(dict)["home"] = home


@main.command(short_help="Replay legacy databases into the ledger, and prove it.")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--system", help="The legacy system, when it is not to be recognised from its files.")
@click.option("--timezone", metavar="ZONE",
              help="Zone of naive times, such as Europe/Athens.  [default: UTC, reported as assumed]")  # fmt: skip
@click.option("--verify-only", is_flag=True, help="Look at the sources and change nothing.")
@click.option("--dry-run", is_flag=True, help="The whole run and its report into a throw-away home.")
@click.option("--catch-up/--no-catch-up", default=True, help="Bring the read models up to date and compare them.")
@click.option("--force", is_flag=True, help="Also after the cut-over from this system.")
@common
def replay(ctx: click.Context, source: Path, system: str | None, timezone: str | None, verify_only: bool, dry_run: bool,
           catch_up: bool, force: bool, as_json: bool) -> None:  # fmt: skip
    """Replay the legacy databases in the folder (or file) SOURCE into the ledger, and prove it.

    The legacy files are only read. Killed anywhere and started again it ends with the same events; a second run of the same
    sources appends nothing. Exit code 1 when the proof fails or a break stands open, 3 when a source cannot be read.
    """
    if verify_only and dry_run:
        raise click.UsageError("--verify-only and --dry-run exclude each other.")
    from operations import replaying, showing
    from operations.progress import Teller

    mode = "verify-only" if verify_only else "dry-run" if dry_run else "replay"
    with Teller() as teller:
        report = replaying.replay(
            source,
            ctx.obj["home"],
            system=system,
            timezone=timezone,
            mode=mode,
            catch_up=catch_up,
            force=force,
            tell=teller.tell,
        )
    showing.run_report(report, as_json=as_json)
    ctx.exit(report.exit_code)


@main.command("rebuild-projection", short_help="Build read models again from the first event.")
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=_models)
@click.option("--all", "every", is_flag=True, help="All read models, on all cores.")
@click.option("--as-of", metavar="T", help="As it was at T in the world (valid time): 2025-12-28 or "
              "2025-12-28T18:00:00Z. Needs --into.")  # fmt: skip
@click.option("--as-known-at", metavar="T", help="As the ledger knew it at T (recorded time). Needs --into.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Write there and leave the home alone.")
@common
def rebuild_projection(ctx: click.Context, names: tuple[str, ...], every: bool, as_of: str | None, as_known_at: str | None,
                       into: Path | None, as_json: bool) -> None:  # fmt: skip
    """Build read models again from the first event, beside the live ones, compare, and switch."""
    if bool(names) == every:
        raise click.UsageError("Name the read models, or use --all.")
    from operations import rebuilding, showing
    from operations.progress import Teller

    home = ctx.obj["home"]
    with Teller() as teller:
        result = rebuilding.rebuild(home, names, as_of=as_of, known_at=as_known_at, into=into, tell=teller.tell)
    past_in_place = bool(as_of or as_known_at) and into is None
    showing.rebuilt(str(into or home), result, past_in_place=past_in_place, as_json=as_json)


@main.command("catch-up")
@click.option("--follow", is_flag=True, help="Stay, and bring them up within moments of every new entry.")
@common
def catch_up(ctx: click.Context, follow: bool, as_json: bool) -> None:
    """Bring all read models up to date with the log.

    A read model that meets an event it cannot take stops right before it; the others go on, and the exit code is 3.
    """
    if follow:
        from commands.watch import follow_log

        follow_log(ctx, as_json=as_json)
    from operations import rebuilding, showing
    from operations.progress import Teller

    with Teller() as teller:
        result = rebuilding.catch_up_all(ctx.obj["home"], tell=teller.tell)
    ctx.exit(showing.caught_up(str(ctx.obj["home"]), result, as_json=as_json))


@main.command(short_help="Check the ledger, the read models and the frozen sources.")
@click.argument("what", type=click.Choice(["ledger", "projections", "sources", "all"]), default="all")
@click.option("--repair", is_flag=True, help="Rebuild read models that differ. The ledger is never changed.")
@click.option(
    "--quick", is_flag=True, help="With `ledger`: hashes and pages only, no event decoded, no index looked up."
)
@common
def verify(ctx: click.Context, what: str, repair: bool, quick: bool, as_json: bool) -> None:
    """Check the log's hash chain, derive every read model again, and compare the frozen sources, row by row.

    Exit code 1 when something is wrong, 3 when something could not be read, 0 when all is sound or was repaired.
    """
    from operations import showing, verifying
    from operations.progress import Teller

    if quick and what != "ledger":
        raise click.UsageError("--quick is for the ledger alone: cli verify ledger --quick")
    with Teller() as teller:
        verdict = verifying.verify(ctx.obj["home"], what, repair=repair, quick=quick, tell=teller.tell)
    showing.verdict(verdict, as_json=as_json)
    ctx.exit(verdict.exit_code)


@main.command()
@common
def status(ctx: click.Context, as_json: bool) -> None:
    """Where the log and the read models stand."""
    from operations import showing, standing

    showing.status(standing.status(ctx.obj["home"]), as_json=as_json)


@main.command(short_help="Show all of this on a made-up legacy system.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False),
              help="Keep the demo there.  [default: a temporary folder]")  # fmt: skip
@click.option("--securities", type=click.IntRange(12, 500), default=65, show_default=True)
@click.option("--years", type=click.IntRange(1, 30), default=10, show_default=True)
@common
def demo(ctx: click.Context, into: Path | None, securities: int, years: int, as_json: bool) -> None:
    """Make a realistic legacy folder, replay it, rebuild, verify, and show the result.

    The folder has the flaws that real ones have, so the breaks that are shown are planted. Exit code 0 when all is proven.
    """
    from operations import demonstration, showing_demo
    from operations.progress import Teller

    with Teller() as teller:
        result = demonstration.demo(into, securities=securities, years=years, tell=teller.tell)
    showing_demo.demo(result, as_json=as_json)
    ctx.exit(result.exit_code)


for question in QUESTIONS:
    audit.add_command(question)
main.add_command(audit)
main.add_command(record)
main.add_command(schema)
main.add_command(backup)
main.add_command(drill)
main.add_command(health)
main.add_command(restore)
main.add_command(retention)
main.add_command(rollover)
main.add_command(maintain)
main.add_command(run)
main.add_command(schedule)
main.add_command(simulate)
main.add_command(ship)
main.add_command(watch)
main.add_command(cutover)
main.add_command(export_legacy)


if __name__ == "__main__":
    sys.exit(main())
