"""Hypothesis strategies for the domain: every amount the service accepts, and the ones venues use most."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from p33_tasks.domain.models import Fill, OrderSide


def _scaled(digits: int, exponent: int) -> Decimal:
    return Decimal((0 if digits >= 0 else 1, tuple(int(digit) for digit in str(abs(digits))), exponent))


def amounts() -> st.SearchStrategy[Decimal]:
    """Signed amounts: venue-like ones, and any with up to 30 digits on each side of the point."""
    usual = st.builds(_scaled, st.integers(-(10**8), 10**8), st.integers(-8, 0))
    extreme = st.builds(_scaled, st.integers(-(10**30) + 1, 10**30 - 1), st.integers(-30, 0))
    widest = st.builds(_scaled, st.integers(-(10**60) + 1, 10**60 - 1), st.just(-30))
    return usual | extreme | widest


def steps() -> st.SearchStrategy[Decimal]:
    """Step sizes: powers of ten, and odd ones."""
    return st.builds(_scaled, st.sampled_from([1, 2, 5, 25, 3]), st.integers(-30, 6))


def fills(order_ids: tuple[str, ...] = ("1", "2", "3")) -> st.SearchStrategy[Fill]:
    """Cumulative reports of a few orders; an order has one side."""

    def build(order_id: str, quantity: Decimal) -> Fill:
        side = OrderSide.BUY if int(order_id) % 2 else OrderSide.SELL
        return Fill(order_id=order_id, side=side, cumulative_qty=quantity.copy_abs())

    return st.builds(build, st.sampled_from(order_ids), amounts())
