"""Many positions in states at random: mostly ones that can be closed, with what can be wrong here and there.

What is written are the fields as they are stored; whoever reads them (the scripts, Python) decides what they mean.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import HEDGE_LEGS
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What every stored fact of this moment names."""

    now_ms: int
    run_id: str
    life: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A position that was written."""

    symbol: str
    leg: Leg
    amount: Decimal


def write(pipeline: Any, keys: Keys, symbol: str, moment: Moment, chance: random.Random) -> Spot:
    """Write a symbol that can be closed: exchange and ledger agree within a percent, mostly."""
    is_hedged = chance.random() < 0.2
    step = chance.choice(["0.001", "0.01", "0.1", "1", "0.00000001"])
    leg = chance.choice(HEDGE_LEGS) if is_hedged else Leg.BOTH
    sign = {Leg.LONG: 1, Leg.SHORT: -1}.get(leg) or chance.choice([1, -1])
    amount = Decimal(chance.randrange(1, 10 ** chance.randrange(1, 8))).scaleb(-chance.randrange(0, 5)) * sign
    fetched_ms = moment.now_ms - chance.randrange(0, 9_000)
    common = {
        "ts_ms": fetched_ms,
        "ts_epoch": fetched_ms // 1000,
        "source": moment.source,
        "run_id": moment.run_id,
        "life": moment.life,
        "position_mode": "hedge" if is_hedged else "one_way",
    }
    pipeline.hset(keys.snapshot(symbol), mapping={"position_amt": canonical(amount), **common})
    if is_hedged:
        pipeline.hset(keys.snapshot(symbol, leg), mapping={"position_amt": canonical(amount), **common})
    ledger = amount if chance.random() < 0.7 else amount * Decimal(chance.randrange(985, 1_015)).scaleb(-3)
    pipeline.hset(keys.ledger(symbol, leg), mapping={"last_known_amt": canonical(ledger)})
    if chance.random() < 0.5:
        ordered_ms = moment.now_ms - chance.randrange(14_000, 60_000)
        pipeline.hset(keys.ledger(symbol, leg), mapping={"last_order_time_ms": ordered_ms, "last_order_id": "7"})
    market = {"step_size": step, "min_qty": step, "source": moment.source, "ts_ms": moment.now_ms - 60_000}
    if chance.random() < 0.5:
        market["max_market_qty"] = chance.choice(["120", "0.5", "7"])
    pipeline.hset(keys.market(symbol), mapping=market)
    return Spot(symbol=symbol, leg=leg, amount=amount)


def twist(pipeline: Any, keys: Keys, spot: Spot, moment: Moment, chance: random.Random) -> None:
    """Change one thing about a position."""
    chance.choice(_TWISTS)(pipeline, keys, spot, moment, chance)


Twist = Callable[[Any, Keys, Spot, Moment, random.Random], object]

_SNAPSHOT: tuple[tuple[str, Callable[[Spot, Moment, random.Random], Any]], ...] = (
    ("position_amt", lambda s, _, c: canonical(s.amount + c.choice([1, -1, Decimal("0.001")]))),
    ("position_amt", lambda s, _, c: c.choice([f"{canonical(s.amount)}0", "0", "nan", "", canonical(-s.amount)])),
    ("ts_ms", lambda _, m, c: m.now_ms - c.choice([0, 1, 5_000, 9_990, 10_000, 10_001, 30_000, -5_000])),
    ("source", lambda *_: "elsewhere"),
    ("run_id", lambda *_: "f" * 40),
    ("life", lambda *_: "another life"),
)
_LEDGER: tuple[tuple[str, Callable[[Spot, Moment, random.Random], Any]], ...] = (
    ("last_known_amt", lambda s, _, c: canonical(s.amount * c.choice([2, -1, Decimal("1.005"), Decimal("1.02")]))),
    ("last_known_amt", lambda s, _, __: f"{canonical(s.amount)}.0"),
    ("last_order_time_ms", lambda _, m, c: m.now_ms - c.choice([0, 3_000, 14_999, 15_000, 15_500, 22_000, -4_000])),
    ("last_order_time_ms", lambda _, __, c: c.choice(["", "x", "0", "1e3"])),
    ("barrier_ms", lambda _, m, c: m.now_ms - c.choice([0, 2_000, 12_000, -4_000])),
    ("unknown_plan_id", lambda _, __, c: c.choice(["", "somebody"])),
)
_MARKET: tuple[tuple[str, Callable[[Spot, Moment, random.Random], Any]], ...] = (
    ("step_size", lambda _, __, c: c.choice(["0.1", "0.5", "10", "0", "-1"])),
    ("min_qty", lambda _, __, c: c.choice(["0.1", "5", "0"])),
    ("max_market_qty", lambda _, __, c: c.choice(["0.3", "", "1000"])),
    ("ts_ms", lambda _, m, c: m.now_ms - c.choice([0, 299_000, 300_001, -9_000])),
    ("problem", lambda *_: "SETTLING"),
    ("source", lambda *_: "elsewhere"),
)
_LIMITS: tuple[tuple[str, Callable[[Spot, Moment, random.Random], Any]], ...] = (
    ("cooldown_sec", lambda _, __, c: c.choice(["20", "1", "60.5", "x"])),
    ("qty_tolerance_pct", lambda _, __, c: c.choice(["0", "0.5", "3", "11"])),
    ("stale_threshold_sec", lambda _, __, c: c.choice(["6", "9.5", "20", "0"])),
    ("expires_ms", lambda _, m, c: m.now_ms + c.choice([-1, 2_000, 60_000, 10**9])),
)


def _field(key: Callable[[Keys, Spot], str], name: str, value: Callable[[Spot, Moment, random.Random], Any]) -> Twist:
    return lambda pipeline, keys, spot, moment, chance: pipeline.hset(
        key(keys, spot), name, value(spot, moment, chance)
    )


def _adaptive(pipeline: Any, keys: Keys, spot: Spot, _: Moment, chance: random.Random) -> None:
    fields = {"cooldown_sec": chance.choice(["15.1", "22.4", "60"]), "cooldown_by": chance.choice(["volatility", "x"])}
    pipeline.hset(keys.adaptive_limits(spot.symbol, spot.leg), mapping=fields)


_TWISTS: tuple[Twist, ...] = (
    *(_field(lambda keys, s: keys.snapshot(s.symbol, s.leg), *one) for one in _SNAPSHOT),
    *(_field(lambda keys, s: keys.ledger(s.symbol, s.leg), *one) for one in _LEDGER),
    *(_field(lambda keys, s: keys.market(s.symbol), *one) for one in _MARKET),
    *(_field(lambda keys, s: keys.limits(s.symbol), *one) for one in _LIMITS),
    _adaptive,
    _field(lambda keys, s: keys.snapshot(s.symbol), "position_mode", lambda _, __, c: c.choice(["hedge", "one_way"])),
    lambda pipeline, keys, s, _, __: pipeline.delete(keys.snapshot(s.symbol)),
    lambda pipeline, keys, s, _, __: pipeline.delete(keys.ledger(s.symbol, s.leg)),
    lambda pipeline, keys, s, _, __: pipeline.delete(keys.market(s.symbol)),
    lambda pipeline, keys, s, _, __: pipeline.delete(keys.limits(s.symbol)),
    lambda pipeline, keys, s, _, __: pipeline.set(keys.hold(s.symbol), "stop"),
    lambda pipeline, keys, s, _, __: pipeline.set(keys.service_hold(s.symbol, s.leg), "{}"),
    lambda pipeline, keys, s, _, __: pipeline.set(keys.reservation(s.symbol, s.leg), "somebody", px=60_000),
)
