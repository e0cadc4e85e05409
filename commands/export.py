"""`cli audit export`: the log in a format that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from commands.filters import filters

FORMATS = ("jsonl", "csv", "parquet", "beancount", "hledger")


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write this file.  [default: stdout]")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@filters
@click.option(
    "--reveal-secrets", "reveal", is_flag=True, help="Secrets as they are, as whoever checks the hashes needs them."
)
@click.option(
    "--raw-csv", is_flag=True, help="Leave the cells of a CSV as they are; a spreadsheet may run some of them."
)
@click.option("--rates/--no-rates", default=True, help="Exchange rates as prices of a journal.  [default: rates]")
@click.option("--prices", "closes", is_flag=True, help="Daily closes as prices of a journal, too; there are many.")
@click.option("--json", "as_json", is_flag=True, help="Say as JSON on stdout what was written; needs --out.")
@click.pass_context
def export(
    ctx: click.Context, /, *, form: str, out: Path | None, force: bool, reveal: bool, raw_csv: bool, rates: bool,
    closes: bool, as_json: bool, **wanted: Any,
) -> None:  # fmt: skip
    """Write the whole log, or the events that the options leave, for other programs.

    jsonl, csv and parquet hold every event with its hash. Settings that are secrets are masked. docs/verify_proof.py checks a
    whole log as jsonl with --reveal-secrets against a seal: the hashes are over what is really there.

    beancount and hledger hold trades, cash flows and dividends as double-entry bookkeeping, with the facts as they are known
    now. A file is written beside its place and gets its name when it is complete.
    """
    from operations import auditing, showing_export
    from operations.exporting import export as exporting
    from operations.masking import standard_output

    if as_json and out is None:
        raise click.UsageError("--json needs --out.")
    order = exporting.Order(
        form=form,
        wanted=auditing.wanted(**wanted),
        raw_csv=raw_csv,
        rates=rates,
        closes=closes,
        force=force,
        reveal=reveal,
    )
    home = ctx.obj["home"]
    done = exporting.to_file(home, order, out) if out else exporting.to_stream(home, order, standard_output())
    showing_export.exported(done, as_json=as_json)
