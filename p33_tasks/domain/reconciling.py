"""Decide on a drift: wait, repair, report or hold; and compute an event id, the same for the same facts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from p33_tasks.domain import quantities as q
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import PositionSide
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, TradeClass, Watermark

LEAST_READINGS = 3
LEAST_READING_MS = 60_000
"""A position can show a fill before the list of trades does. So a drift counts as unexplained only after this number
of complete readings over this time."""
MAX_WINDOW_MS = (7 * 24 - 1) * 3_600_000
"""The longest window: seven days less an hour."""
OVERLAP_MS = 60_000
"""How long before its watermark a window begins, by the venue's clock."""


class Mode(StrEnum):
    """What reconciliation may do."""

    OFF = "off"
    OBSERVE = "observe"  # write only reconciliation's own keys
    REPAIR = "repair"


class ExternalPolicy(StrEnum):
    """What to do about trades of other parties."""

    HOLD = "hold"
    ADOPT = "adopt"


class Act(StrEnum):
    """The action after a reading."""

    WAIT = "wait"  # read again later
    SETTLED = "settled"  # both sides are explained, and the ledger lacks nothing
    REPAIR = "repair"
    REPORT = "report"  # what would be a hold, but rules 3 and 4 deny nothing
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """The unsuccessful readings of this drift, with this one."""

    readings: int  # number of complete readings that didn't explain it
    first_ms: int  # Redis TIME of the first of them
    now_ms: int

    @property
    def are_enough(self) -> bool:
        """Whether the drift counts as unexplained."""
        return self.readings >= LEAST_READINGS and self.now_ms - self.first_ms >= LEAST_READING_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An action, with its reason."""

    act: Act
    why: str  # for people
    hold: HoldReason | None = None
    releases: str | None = None  # plan_id whose reservation the repair ends: its own order is final


def decide(
    account: Account,
    *,
    external: ExternalPolicy,
    reserved_by: str | None,
    tries: Tries,
    tolerance_pct: Decimal,
) -> Decision:
    """The action after one complete reading.

    Args:
        account: The arithmetic of the reading.
        external: What to do about trades of other parties.
        reserved_by: The plan with the position's reservation; an order of it may be under way.
        tries: The readings of this drift so far.
        tolerance_pct: The limit of rule 4, percent of the exchange's position: a drift within it is never held.
    """
    denied = is_denied(account.exchange_amt, account.ledger_before, tolerance_pct)
    if TradeClass.IN_FLIGHT in account.classes:
        return Decision(act=Act.WAIT, why="an order of ours isn't final")
    problem = account.problem
    if problem is not None:
        return _unexplained(problem, reserved_by, tries, denied=denied)
    if not account.missing:
        return Decision(act=Act.SETTLED, why="the ledger lacks nothing any more")
    releases = _released_by(account, reserved_by)
    if reserved_by is not None and releases is None:
        return Decision(act=Act.WAIT, why=f"plan {reserved_by} holds the position")
    objection = _objection(account, external, denied=denied)
    if objection is not None:
        return objection
    return Decision(act=Act.REPAIR, why=f"explained: {', '.join(account.classes)}", releases=releases)


def is_denied(exchange_amt: Decimal, ledger_amt: Decimal, tolerance_pct: Decimal) -> bool:
    """Whether rule 3 or 4 denies these amounts. If the exchange is flat, the ledger must be flat too."""
    if ledger_amt != 0 and PositionSide.of(ledger_amt) is not PositionSide.of(exchange_amt):
        return True
    drift = q.magnitude(q.subtract(exchange_amt, ledger_amt))
    return q.multiply(drift, q.HUNDRED) > q.multiply(tolerance_pct, q.magnitude(exchange_amt))


def event_id(position: str, source: str, watermark: Watermark | None, account: Account | None, what: str) -> str:
    """The id of an event: the same facts always give the same id, so no event is written twice."""
    parts = [position, source, what]
    if watermark is not None:
        parts += [str(watermark.ts_ms), canonical(watermark.exchange_amt), canonical(watermark.ledger_amt)]
    if account is not None:
        parts += [canonical(account.exchange_amt), canonical(account.ledger_before)]
        for share in sorted(account.shares, key=lambda share: (share.order_id or "", share.trade_ids)):
            parts += [share.order_id or "", *share.trade_ids, canonical(share.missing)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _objection(account: Account, external: ExternalPolicy, *, denied: bool) -> Decision | None:
    if account.crosses_zero:
        return _held(HoldReason.SIDE_FLIP, "ledger and exchange are on different sides", denied=denied)
    if TradeClass.EXTERNAL in account.classes and external is ExternalPolicy.HOLD:
        return _held(HoldReason.EXTERNAL, "somebody else traded this position", denied=denied)
    return None


def _unexplained(problem: str, reserved_by: str | None, tries: Tries, *, denied: bool) -> Decision:
    if reserved_by is not None or not tries.are_enough:
        return Decision(act=Act.WAIT, why=problem)
    return _held(HoldReason.UNEXPLAINED, problem, denied=denied)


def _held(reason: HoldReason, why: str, *, denied: bool) -> Decision:
    return Decision(act=Act.HOLD if denied else Act.REPORT, why=why, hold=reason)


def _released_by(account: Account, reserved_by: str | None) -> str | None:
    """The plan of the reservation, if its own order is final and the ledger lacks it; else None."""
    if reserved_by is None:
        return None
    own = any(share.plan_id == reserved_by and share.trade_class is TradeClass.LATE for share in account.missing)
    return reserved_by if own else None
