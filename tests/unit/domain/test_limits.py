"""A symbol's own limits: which count, and until when (CONTRACT section 10)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.limits import ADAPTIVE_FIELDS, LIMITS_FIELDS, as_stored, decode_limits
from p33_tasks.domain.limits import MAX_LOOSER_MS, in_force
from p33_tasks.domain.models import Policy, SymbolLimits
from p33_tasks.errors import CorruptStateError

NOW_MS = 1_700_000_000_000
POLICY = Policy(allowlist=frozenset({"BTCUSDT"}))

limits = st.builds(
    SymbolLimits,
    cooldown_ms=st.none() | st.integers(0, 60_000),
    qty_tolerance_pct=st.none() | st.integers(0, 10).map(Decimal),
    stale_threshold_ms=st.none() | st.integers(1, 60_000),
    expires_ms=st.none() | st.integers(NOW_MS - 2 * MAX_LOOSER_MS, NOW_MS + 2 * MAX_LOOSER_MS),
    adaptive_cooldown_ms=st.none() | st.integers(0, 60_000),
    adaptive_by=st.sampled_from(["volatility", "settlement"]),
)


@given(limits)
def test_nothing_is_looser_than_configured_unless_its_time_lies_ahead_by_a_day_at_most(stored: SymbolLimits) -> None:
    found = in_force(POLICY, stored, NOW_MS)
    is_looser = (
        found.cooldown_ms < POLICY.cooldown_ms
        or found.qty_tolerance_pct > POLICY.qty_tolerance_pct
        or found.stale_threshold_ms > POLICY.stale_threshold_ms
    )
    assert is_looser == (found.limits_until_ms is not None) or found.cooldown_by in {"volatility", "settlement"}
    if is_looser:
        assert stored.expires_ms is not None
        assert NOW_MS < stored.expires_ms <= NOW_MS + MAX_LOOSER_MS
        assert found.limits_until_ms == stored.expires_ms


@given(limits)
def test_a_tighter_value_always_counts(stored: SymbolLimits) -> None:
    found = in_force(POLICY, stored, NOW_MS)
    if stored.cooldown_ms is not None and stored.cooldown_ms > POLICY.cooldown_ms:
        assert found.cooldown_ms >= stored.cooldown_ms
    if stored.qty_tolerance_pct is not None and stored.qty_tolerance_pct < POLICY.qty_tolerance_pct:
        assert found.qty_tolerance_pct == stored.qty_tolerance_pct
    if stored.stale_threshold_ms is not None and stored.stale_threshold_ms < POLICY.stale_threshold_ms:
        assert found.stale_threshold_ms == stored.stale_threshold_ms


@given(limits)
def test_the_services_own_cooldown_only_lengthens_what_is_in_force(stored: SymbolLimits) -> None:
    own = stored.adaptive_cooldown_ms
    without = in_force(POLICY, SymbolLimits(cooldown_ms=stored.cooldown_ms, expires_ms=stored.expires_ms), NOW_MS)
    found = in_force(POLICY, stored, NOW_MS)
    assert found.cooldown_ms == max(without.cooldown_ms, own or 0)
    assert (found.cooldown_by == stored.adaptive_by) == (own is not None and own > without.cooldown_ms)


@pytest.mark.parametrize(
    ("operator", "adaptive", "named"),
    [
        (("x", None, None, None), (None,) * 4, "operator-key"),
        (("-1", None, None, None), (None,) * 4, "operator-key"),
        (("86400.001", None, None, None), (None,) * 4, "operator-key"),
        (("NaN", None, None, None), (None,) * 4, "operator-key"),
        (("", None, None, None), (None,) * 4, "operator-key"),
        (("1.0001", None, None, None), (None,) * 4, "operator-key"),
        ((None, "10.1", None, None), (None,) * 4, "operator-key"),
        ((None, "1e400", None, None), (None,) * 4, "operator-key"),
        ((None, None, "0", None), (None,) * 4, "operator-key"),
        ((None, None, "60.001", None), (None,) * 4, "operator-key"),
        ((None, None, None, "soon"), (None,) * 4, "operator-key"),
        ((None, None, None, "0"), (None,) * 4, "operator-key"),
        ("list", (None,) * 4, "operator-key"),
        ("none", ("x", None, None, None), "adaptive-key"),
        ("none", ("5", "me", None, None), "adaptive-key"),
        ("none", "string", "adaptive-key"),
    ],
)
def test_a_value_that_cannot_be_read_is_an_error_that_names_the_key(operator, adaptive, named) -> None:
    with pytest.raises(CorruptStateError, match=f"^{named}"):
        decode_limits("operator-key", operator, "adaptive-key", adaptive)


def test_what_is_stored_is_read_exactly() -> None:
    found = decode_limits("a", ("30", "0.25", "7.5", "1700000000000"), "b", ("22.4", "settlement", "15", "14.9"))
    assert found == SymbolLimits(
        cooldown_ms=30_000,
        qty_tolerance_pct=Decimal("0.25"),
        stale_threshold_ms=7_500,
        expires_ms=NOW_MS,
        adaptive_cooldown_ms=22_400,
        adaptive_by="settlement",
        adaptive_base_ms=15_000,
        adaptive_measured=Decimal("14.9"),
    )


def test_what_is_only_told_of_a_cooldown_denies_nothing() -> None:
    found = decode_limits("a", "none", "b", ("22.4", "volatility", "x", "NaN"))
    assert (found.adaptive_cooldown_ms, found.adaptive_base_ms, found.adaptive_measured) == (22_400, None, None)


def test_texts_of_different_fields_never_look_alike() -> None:
    assert as_stored(("1", None, None, None)) != as_stored((None, "1", None, None))
    assert as_stored(("1,1:2", None)) != as_stored(("1", "2"))
    assert as_stored((None,) * len(LIMITS_FIELDS)) == as_stored((None,) * len(ADAPTIVE_FIELDS)) == as_stored("none")
