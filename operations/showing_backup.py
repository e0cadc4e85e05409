"""What `cli backup`, `ship`, `restore` and `drill` print."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from operations.backup.making import Made
from operations.backup.segments import Segment
from operations.drilling import Drill, Verdict
from operations.printing import as_object, plain, say
from operations.restoring import Restored


def made(copies: Sequence[Made], *, as_json: bool) -> None:
    """What each folder got, and what was removed from it."""
    if as_json:
        as_object({"copies": msgspec.to_builtins(copies), "exit_code": 0})
        return
    for copy in copies:
        place = plain(f"{copy.folder}/{copy.tier}/{copy.name}")
        about = f"{copy.position:,} events, {copy.bytes / 1e6:.1f} MB, proven"
        say(f"{place}: {about}" if copy.is_new else f"{place} was there already: {about}")
        for name in copy.removed:
            say(f"  removed {plain(name)}")


def shipped(made: Sequence[Segment], *, as_json: bool) -> None:
    """The new segments."""
    if as_json:
        as_object({"segments": msgspec.to_builtins(made), "exit_code": 0})
        return
    for segment in made:
        say(f"{segment.name}: {segment.last - segment.first + 1:,} events, head {segment.head[:16]}…")
    if not made:
        say("Nothing is new.")


def restored(found: Restored, *, dry_run: bool, as_json: bool) -> None:
    """What was used, and what came of it."""
    if as_json:
        as_object({**msgspec.to_builtins(found), "dry_run": dry_run, "exit_code": found.exit_code})
        return
    plan = found.plan
    for said in plan.skipped:
        say(f"passed over: {plain(said)}", color="yellow")
    if plan.copy:
        say(f"copy: {plain(plan.copy)}")
    if plan.segments:
        say(f"segments: {len(plan.segments)}, {plain(plan.segments[0])} to {plain(plan.segments[-1])}")
    said = f"{plan.position:,} events, the last recorded at {plan.recorded_at}, head {plan.head[:16]}…"
    if dry_run:
        say(f"The log would have {said}. Nothing was done.")
        return
    if found.findings:
        for finding in found.findings:
            say(plain(finding), color="red")
        say("NOT RESTORED: what the copies give is not sound. Nothing was put in place.", color="red", bold=True)
        return
    say(f"{plain(found.into)}: {said}, verified, {found.seconds:.2f} s", bold=True)
    if found.aside:
        say(f"The home that was there lies in {plain(found.aside)}")


def drilled(found: Drill, *, as_json: bool) -> None:
    """What the drill found."""
    if as_json:
        as_object({**msgspec.to_builtins(found), "exit_code": found.exit_code})
        return
    if found.verdict is Verdict.PROVEN:
        say(
            f"PROVEN: {plain(found.copy)} gives the log up to {found.position:,} and every read model.",
            color="green",
            bold=True,
        )
        say(f"Restored, derived and verified in {found.recover_seconds:.2f} s.")
        lost = (
            f"{found.lost_events:,} events of the last {found.lost_seconds:,.0f} s" if found.lost_events else "nothing"
        )
        say(f"If this home were lost now, {lost} would be lost with it.")
        return
    color = "red" if found.verdict is Verdict.FAILED else "yellow"
    say(f"{found.verdict.upper()}: {plain(found.reason)}", color=color, bold=True)
