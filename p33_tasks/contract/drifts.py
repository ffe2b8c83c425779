"""What reconciliation stores about a drift for people: its class, why it is not repaired, and the next reading."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.contract.hash_values import MAX_NAME_CHARS, Raw

DRIFT_FIELDS = ("drift", "class", "why", "readings", "next_ms")
MAX_DRIFT_WHY_CHARS = 300
_MOST_DIGITS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDrift:
    """The result of the last reading of a drift."""

    classes: str  # comma-separated classes of the trades that explain it, or ``unexplained``
    why: str  # why it is not repaired
    readings: int  # number of complete readings that didn't explain it
    next_ms: int | None  # Redis TIME before which it isn't read again

    def sentence(self, now_ms: int) -> str:
        """A sentence for people: class, reason and next step; ``now_ms`` is Redis TIME."""
        found = self.why if self.why.startswith("explained") else f"{self.classes}: {self.why}"  # it names the classes
        read = f"; read {self.readings} times" if self.readings > 1 else ""
        left_ms = 0 if self.next_ms is None else max(self.next_ms - now_ms, 0)
        again = f"in {left_ms / 1000:.0f} s" if left_ms else "with the next refresh"
        return f"{found}{read}; next reading {again}"


def drift_name(exchange_amt: str, ledger_amt: str) -> str:
    """The identity of a drift: both amounts, as canonical text."""
    return f"{exchange_amt}|{ledger_amt}"


def decode_drift(raw: Raw, exchange_amt: str | None, ledger_amt: str | None) -> KnownDrift | None:
    """Read ``DRIFT_FIELDS``; None if they were stored for other amounts than these, which are the current ones."""
    drift, classes, why, readings, next_ms = raw
    if not exchange_amt or not ledger_amt or exchange_amt == ledger_amt or not classes:
        return None
    if drift != drift_name(exchange_amt, ledger_amt):
        return None
    return KnownDrift(
        classes=classes[:MAX_NAME_CHARS],
        why=(why or "")[:MAX_DRIFT_WHY_CHARS],
        readings=_integer(readings) or 0,
        next_ms=_integer(next_ms),
    )


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None
