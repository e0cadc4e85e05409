"""The options of `cli record ENTRY`, made from the fields of the entry."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import click
import msgspec

from commands.options import common
from domain.entries.base import Entry

HOW = ("as_json", "wait_s", "shown_s", "catch_up", "allow_short", "dry_run")
ARGUMENTS = {"correct": ("what",), "void": ("what",)}
"""Fields that are given without an option's name."""


# Any: callables of click, and the type expressions of fields.
def command_for(tag: str, kind: type[Entry], how: Callable[..., Any], record: Callable[..., None]) -> click.Command:
    """The command that records one entry of this kind."""

    @common
    def run(ctx: click.Context, /, **given: Any) -> None:
        how = {name: given.pop(name) for name in HOW}
        fields = {name: value for name, value in given.items() if value is not None and value != ()}
        if "changes" in fields:
            fields["changes"] = dict(map(_assignment, fields["changes"]))
        record(ctx, {**fields, "entry": tag}, **how)

    params = [_param(tag, one) for one in msgspec.structs.fields(kind)]
    command: click.Command = click.command(tag, help=inspect.getdoc(kind))(how(run))
    command.params = sorted([*params, *command.params], key=lambda one: one.param_type_name != "argument")
    return command


def _param(tag: str, field: msgspec.structs.FieldInfo) -> click.Parameter:
    name, kind = field.name, _stripped(field.type)
    if name in ARGUMENTS.get(tag, ()):
        return click.Argument([name], metavar="STREAM|ID")
    if name == "changes":
        return click.Option(
            ["--set", "changes"], multiple=True, required=True, metavar="FIELD=VALUE", help="What changes."
        )
    if name == "dates":
        return click.Option(
            ["--date", "--dates", name], multiple=True, metavar="DAY|MONTH", help="Which of a series; may be repeated."
        )
    option = f"--{name.replace('_', '-')}"
    about = _help(field.type, default=field.default)
    if kind is bool:
        return click.Option([f"{option}/--no-{option[2:]}", name], default=None, help=about)
    choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else None
    return click.Option(
        [option, name], type=click.Choice(choices) if choices else str, required=field.required, help=about
    )


def _stripped(kind: Any) -> Any:
    """The type of a value that is given, without what marks one that is left out."""
    if typing.get_origin(kind) is typing.Annotated:
        return _stripped(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [one for one in typing.get_args(kind) if one not in (types.NoneType, msgspec.UnsetType)]
        return _stripped(parts[0])
    return kind


def _help(kind: Any, *, default: object) -> str:
    """What the type says of its values, and what holds when it is left out."""
    said = next((one.description for one in _metas(kind) if one.description), "")
    if default in (msgspec.NODEFAULT, msgspec.UNSET, None):
        return said
    return f"{said}  [default: {str(default).lower() if isinstance(default, bool) else default}]".strip()


def _metas(kind: Any) -> list[msgspec.Meta]:
    found = [one for one in typing.get_args(kind)[1:] if isinstance(one, msgspec.Meta)]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        for part in typing.get_args(kind):
            found += _metas(part)
    return found


def _assignment(text: str) -> tuple[str, str | None]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise click.UsageError(f"--set {text}: write it as FIELD=VALUE.")
    return name.strip().replace("-", "_"), value or None
