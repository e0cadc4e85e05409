"""planner.db: the planner's configurations, the sequences it tried, how they did."""

from __future__ import annotations

import json
from hashlib import md5
from random import Random
from typing import NamedTuple
from uuid import UUID

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, Row, legacy_file, seeded

# Eight hexadecimal digits, and in newer rows eight more for the settings.
PORTFOLIOS = ("3fa91c07", "b04e77d2:91ac03fe", "6d1f0a95:91ac03fe")
PATTERNS = ("direct_buy", "rebalance", "averaging_down", "single_best", None)
SEQUENCES_PER_PORTFOLIO = 40
EVALUATED, SAVED = "2025-12-28T14:15:31.402277", "2025-12-30T18:01:44.006251"
TOML = '[planner]\nname = "{name}"\nmax_depth = {depth}\n\n[filters]\nbeam_width = 10\nenabled = true\n'


class Tried(NamedTuple):
    """A row of sequences."""

    sequence_hash: str
    portfolio_hash: str
    priority: float
    sequence_json: str
    depth: int
    pattern_type: str | None
    completed: int
    evaluated_at: str | None
    created_at: str


class Evaluated(NamedTuple):
    """A row of evaluations."""

    sequence_hash: str
    portfolio_hash: str
    end_score: float
    breakdown_json: str
    end_cash: float
    end_context_positions_json: str
    div_score: float
    total_value: float
    evaluated_at: str


def write_planner(build: Build, securities: list[Security]) -> None:
    """Write planner.db; half of the sequences have been evaluated."""
    rng = seeded("planner")
    tried = [invent_sequence(rng, securities, hash_) for hash_ in PORTFOLIOS for _ in range(SEQUENCES_PER_PORTFOLIO)]
    evaluated = [evaluate(rng, row) for row in tried if row.completed]
    best = {row.portfolio_hash: row for row in sorted(evaluated, key=lambda row: row.end_score)}
    with legacy_file(build, "planner.db", "planner_v0") as file:
        file.insert("sequences", " ".join(Tried._fields), tried)
        file.insert("evaluations", " ".join(Evaluated._fields), evaluated)
        columns = "portfolio_hash best_sequence_hash best_score updated_at"
        file.insert(
            "best_result", columns, [(key, row.sequence_hash, row.end_score, EVALUATED) for key, row in best.items()]
        )
        configs, history = config_rows(rng)
        if build.dirt:
            orphan = str(new_uuid(rng))
            history.append((orphan, str(new_uuid(rng)), "Deleted", TOML.format(name="Deleted", depth=2), SAVED))
            said = "the configuration that this version belongs to was deleted"
            build.flaw("orphan-history", "planner.db", said, table="planner_config_history", key=orphan)
        file.insert("planner_configs", "id name toml_config bucket_id created_at updated_at", configs)
        file.insert("planner_config_history", "id planner_config_id name toml_config saved_at", history)


def new_uuid(rng: Random) -> UUID:
    """Draw a version 4 UUID that is the same in every run."""
    return UUID(int=rng.getrandbits(128), version=4)


def invent_sequence(rng: Random, securities: list[Security], portfolio: str) -> Tried:
    """Invent one sequence of orders; its hash is the MD5 of its JSON."""
    depth, completed = rng.randint(1, 5), rng.randint(0, 1)
    steps = [
        {
            "symbol": security.symbol,
            "side": rng.choice(("BUY", "SELL")),
            "quantity": rng.randint(1, 50),
            "price": round(rng.uniform(5, 250), 2),
        }
        for security in rng.choices(securities, k=depth)
    ]
    text = json.dumps(steps)
    return Tried(
        sequence_hash=md5(text.encode(), usedforsecurity=False).hexdigest(),
        portfolio_hash=portfolio,
        priority=round(rng.random(), 6),
        sequence_json=text,
        depth=depth,
        pattern_type=rng.choice(PATTERNS),
        completed=completed,
        evaluated_at=EVALUATED if completed else None,
        created_at="2025-12-28T14:00:02.118204",
    )


def evaluate(rng: Random, sequence: Tried) -> Evaluated:
    """Invent how one sequence ended."""
    held = {step["symbol"]: step["quantity"] for step in json.loads(sequence.sequence_json)}
    return Evaluated(
        sequence_hash=sequence.sequence_hash,
        portfolio_hash=sequence.portfolio_hash,
        end_score=round(rng.uniform(40, 95), 4),
        breakdown_json=json.dumps({"diversification": round(rng.random(), 3), "quality": round(rng.random(), 3)}),
        end_cash=round(rng.uniform(0, 4000), 2),
        end_context_positions_json=json.dumps(held),
        div_score=round(rng.random(), 4),
        total_value=round(rng.uniform(20_000, 60_000), 2),
        evaluated_at=EVALUATED,
    )


def config_rows(rng: Random) -> tuple[list[Row], list[Row]]:
    """Invent three configurations, one of them for no bucket, and two older versions of each."""
    configs: list[Row] = []
    history: list[Row] = []
    named = (("Core", "core"), ("Momentum", "tech-satellite"), ("Template", None))
    for depth, (name, bucket) in enumerate(named, start=3):
        owner = str(new_uuid(rng))
        configs.append((owner, name, TOML.format(name=name, depth=depth), bucket, "2025-12-31T22:59:10.300184", SAVED))
        for version in (1, 2):
            saved = f"2025-12-31T23:1{version}:00.917265"
            history.append((str(new_uuid(rng)), owner, name, TOML.format(name=name, depth=version), saved))
    return configs, history
