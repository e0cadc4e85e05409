"""The options that every command has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

REVEALED = "reveal_secrets"


def _reveal(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.ensure_object(dict)[REVEALED] = value


# Any: a command takes what its options give.
def revealing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that shows secrets as they are."""
    return click.option(
        "--reveal-secrets", is_flag=True, expose_value=False, callback=_reveal,
        help="Show settings that are secrets as they are.  [default: masked]",
    )(command)  # fmt: skip


def _home(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(dict)["home"] = value


# Any: a command takes what its options give.
def common(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every command has."""
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
    home = click.option("--home", type=click.Path(path_type=Path), expose_value=False, callback=_home,
                        help="As before the command.")  # fmt: skip
    return click.pass_context(as_json(home(command)))
