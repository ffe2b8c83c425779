"""Entries of the stream of forecasts: which plan is expected, and by whom (CONTRACT section 12)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from p33_tasks.contract.entries import MAX_AHEAD_MS
from p33_tasks.contract.fields import MAX_SYMBOL_CHARS, id_of, shown, text_of
from p33_tasks.contract.positions import leg_of
from p33_tasks.domain.close_factors import ACTIONS, close_factor
from p33_tasks.domain.forecasts import Forecast
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import canonical, parse_quantity
from p33_tasks.errors import InvalidMessageError, InvalidQuantityError

MAX_HORIZON_SEC = 300
MOST_READ = 10_000
"""Maximum number of entries that one preparation reads: the newest."""


def parse_forecast(fields: Mapping[str, object], *, added_ms: int, now_ms: int) -> Forecast:
    """Read an entry. Unknown fields are ignored, also a ``plan_id``.

    Args:
        fields: The entry's fields.
        added_ms: The time in the entry's id, Unix milliseconds.
        now_ms: Redis TIME.

    Raises:
        InvalidMessageError: Symbol, action, leg, horizon or probability is missing or unusable; or the entry's id is
            ahead of TIME: such a forecast would expire too late.
    """
    if added_ms > now_ms + MAX_AHEAD_MS:
        raise InvalidMessageError(f"the entry's id is {added_ms - now_ms} ms ahead of Redis' TIME")
    action = text_of(fields, "action") or ""
    factor = close_factor(action)
    if factor is None:
        raise InvalidMessageError(f"action is not a close: {shown(action)}")
    return Forecast(
        symbol=id_of(fields, "symbol", MAX_SYMBOL_CHARS),
        leg=leg_of(fields),
        close_factor=factor,
        probability=_within(fields, "probability", Decimal(0), Decimal(1), absent=Decimal(1)),
        added_ms=added_ms,
        horizon_ms=int(_within(fields, "horizon_sec", Decimal(1), Decimal(MAX_HORIZON_SEC)).scaleb(3)),
    )


def forecast_fields(forecast: Forecast, *, source: str) -> dict[str, str]:
    """The stream entry of a forecast; its time is in the entry's id.

    Args:
        forecast: What is expected.
        source: The program that made the forecast.
    """
    return {
        "symbol": forecast.symbol,
        "action": ACTIONS[forecast.close_factor],
        **({} if forecast.leg is Leg.BOTH else {"positionSide": str(forecast.leg)}),
        "horizon_sec": canonical(Decimal(forecast.horizon_ms).scaleb(-3)),
        "probability": canonical(forecast.probability),
        "source": source,
    }


def _within(
    fields: Mapping[str, object], name: str, least: Decimal, most: Decimal, absent: Decimal | None = None
) -> Decimal:
    text = text_of(fields, name)
    if text is None and absent is not None:
        return absent
    try:
        value = parse_quantity(text or "")
    except InvalidQuantityError as error:
        raise InvalidMessageError(f"{name}: {error}") from None
    if not least <= value <= most:
        raise InvalidMessageError(f"{name} must be {least} to {most}, found {shown(text)}")
    return value
