"""What `cli backup`, `ship`, `restore` and `drill` print."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from operations.backup.making import Made
from operations.backup.segments import Segment
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
