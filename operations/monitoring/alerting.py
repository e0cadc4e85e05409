"""Telling somebody: once when a condition begins or gets worse, again after some hours, and once when it is over."""

from __future__ import annotations

import http.client
import ipaddress
import json
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import HomeError
from domain.moments import instant
from operations.monitoring.conditions import Condition, Level
from operations.monitoring.keeping import Monitor, Standing
from operations.settings import Alerts

LOG = "alerts.log"
_TIMEOUT_S = 10


class Notice(NamedTuple):
    """What somebody is told. kind: began, worse, better, still or over."""

    kind: str
    name: str
    label: str
    level: str
    message: str
    since: str

    def as_object(self) -> dict[str, Any]:  # what JSON can hold
        """The notice for a program."""
        return self._asdict()


def due(found: Sequence[Condition], monitor: Monitor, settings: Alerts, now: datetime) -> list[Notice]:
    """What is to be told now; the state is noted in monitor.db, so that nothing is told twice."""
    monitor.take_turn()  # of two that look at the same time, one tells, and the other finds it told
    before = {(one.name, one.label): one for one in monitor.alerts()}
    moment, again = instant(now.astimezone(UTC)), timedelta(hours=settings.again_hours)
    notices, standing = [], []
    for one in found:
        if Level[one.level] not in _from(settings.level):
            continue
        old = before.pop((one.name, one.label), None)
        kind = _kind(one, old, now, again)
        since = old.since if old else moment
        if kind:
            notices.append(Notice(kind, one.name, one.label, one.level, one.message, since))
        told = moment if kind or old is None else old.told_at
        standing.append(Standing(one.name, one.label, one.level, one.message, since, told))
    notices += [Notice("over", o.name, o.label, o.level, o.message, o.since) for o in before.values()]
    monitor.replace_alerts(standing)
    return notices


def _from(level: str) -> list[Level]:
    levels = list(Level)
    return levels[levels.index(Level[level]) :]


def _kind(one: Condition, old: Standing | None, now: datetime, again: timedelta) -> str | None:
    if old is None:
        return "began"
    levels = list(Level)
    was, is_now = levels.index(Level[old.level]), levels.index(one.level)
    if was != is_now:
        return "worse" if is_now > was else "better"
    return "still" if now - datetime.fromisoformat(old.told_at) >= again else None


def tell(home: Path, notices: Sequence[Notice], settings: Alerts, now: datetime) -> list[str]:
    """Tell all channels; one that fails does not keep the others from being told. Returns what failed, a sentence each."""
    failed = []
    for channel in _channels(home, settings, now):
        for notice in notices:
            try:
                channel(notice)
            except (OSError, subprocess.SubprocessError, http.client.HTTPException) as error:
                failed.append(f"{channel.__name__.strip('_')}: {error}")
                break
    return failed


def _channels(home: Path, settings: Alerts, now: datetime) -> Iterator[Callable[[Notice], None]]:
    def log(notice: Notice) -> None:
        line = {"at": instant(now.astimezone(UTC)), **notice.as_object()}
        with (home / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def command(notice: Notice) -> None:
        subprocess.run(  # noqa: S603  the owner of the home wrote this command into daybook.toml
            settings.command, input=json.dumps(notice.as_object()), text=True, timeout=_TIMEOUT_S, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def webhook(notice: Notice) -> None:
        _post(settings, notice)

    yield log
    if settings.command:
        yield command
    if settings.webhook:
        check_webhook(settings)
        yield webhook


def check_webhook(settings: Alerts) -> urllib.parse.SplitResult:
    """The address of the webhook; raises HomeError when it is not on this machine and was not allowed by name."""
    parts = urllib.parse.urlsplit(settings.webhook or "")
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise HomeError(f"{settings.webhook!r} is not an address", hint="Such as http://127.0.0.1:9000/alerts.")
    if not (_is_here(host) or host in settings.webhook_hosts):
        raise HomeError(
            f"the webhook {host} is not on this machine", hint="Allow it: webhook_hosts in [alerts] of daybook.toml."
        )
    return parts


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _post(settings: Alerts, notice: Notice) -> None:
    parts = check_webhook(settings)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        body = json.dumps(notice.as_object())
        connection.request("POST", parts.path or "/", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status >= 300:
            raise http.client.HTTPException(f"{parts.hostname} answered {answer.status}")
    finally:
        connection.close()
