"""One function for each parser of ours: any bytes in; what it may raise is caught, what it returns is checked.

They know nothing of the fuzzer: ``make fuzz`` runs them under atheris, the tests run them over seeds and old findings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from p33_tasks.apply.permit import require_allow, require_granted
from p33_tasks.contract.plans import is_executable, parse_plan, parse_task_plan
from p33_tasks.contract.readable import readable
from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.quantities import canonical, parse_quantity
from p33_tasks.errors import ConfigurationError, InvalidMessageError, MalformedResponseError, PermitRefused
from p33_tasks.settings import Settings, load_settings
from p33_tasks.venues.binance_usdm.market_rows import read_markets
from p33_tasks.venues.binance_usdm.order_rows import read_order
from p33_tasks.venues.binance_usdm.position_rows import read_positions
from p33_tasks.venues.exact_json import loads_exact

SYMBOLS = ("BTCUSDT", "ETHUSDT")
VARIABLES = {str(field.alias) for field in Settings.model_fields.values()}
SEPARATOR = b"\x1f"


def plan(data: bytes) -> None:
    """A plan's stream entry, or the fields of a task."""
    fields = fields_of(data)
    is_executable(fields)
    readable(fields)
    for parse in (lambda f: parse_plan(f, issued_ms=1, from_stream=True), parse_task_plan):
        try:
            found = parse(fields)
        except InvalidMessageError as error:
            check_text(str(error))
            continue
        for text in (found.plan_id, found.symbol, found.problem or ""):
            check_text(text)
        found.action.encode()  # as the producer wrote it: judged, and shown escaped
        assert found.plan_id, "a plan without a name"
        assert found.issued_ms >= 0


def result(data: bytes) -> None:
    """A result's stream entry, in any dialect."""
    fields = fields_of(data)
    try:
        found = parse_result(fields)
    except InvalidMessageError as error:
        check_text(str(error))
        return
    check_text(found.plan_id)
    assert len({fill.order_id for fill in found.fills}) == len(found.fills), "an order is named twice"
    for fill in found.fills:
        check_text(fill.order_id)
        assert fill.cumulative_qty >= 0
        assert found.executed or fill.cumulative_qty == 0, "a fill of an order that was not executed"
        assert parse_quantity(canonical(fill.cumulative_qty)) == fill.cumulative_qty


def positions(data: bytes) -> None:
    """The venue's positions."""
    found = _answer(data, lambda value: read_positions(value, SYMBOLS))
    if found is not None:
        assert set(found.positions) | set(found.invalid) == set(SYMBOLS), "a symbol is neither known nor unknown"
        assert not set(found.positions) & set(found.invalid)
        assert all(position.position_amt.is_finite() for position in found.positions.values())


def markets(data: bytes) -> None:
    """The venue's order rules."""
    found = _answer(data, lambda value: read_markets(value, SYMBOLS))
    for rules in found.markets.values() if found is not None else ():
        assert rules.step_size > 0
        assert rules.min_qty >= 0
        assert rules.max_market_qty is None or rules.max_market_qty > 0


def order(data: bytes) -> None:
    """The venue's answer about an order."""
    found = _answer(data, lambda value: read_order(value, "BTCUSDT", "id"))
    if found is not None:
        assert 0 <= found.executed_qty <= found.quantity


def permit(data: bytes) -> None:
    """Both permits, as an executor reads them."""
    raw = data.decode(errors="surrogateescape")
    for keys in ((), ("a signing key of 30 characters",)):
        try:
            found = require_allow(raw, plan_id="plan-1", symbol="BTCUSDT", prefix="quantum", signing_keys=keys)
        except PermitRefused:
            continue
        assert not keys, "a forged signature"
        assert 0 < found.safe_close_qty <= found.exchange_position_amt.copy_abs()
        assert found.order_side is OrderSide.closing(found.exchange_position_amt)
        assert found.ts_ms < found.expires_ms
    try:
        require_granted(raw, key="the-key")
    except PermitRefused:
        return
    assert json.loads(raw)["granted"] is True


def settings(data: bytes) -> None:
    """The environment. Only our own variables: a name of an env file would read the machine's files."""
    environ = {
        name: str(value).replace("\0", "")
        for name, value in fields_of(data).items()
        if name in VARIABLES and isinstance(value, str)
    }
    try:
        found = load_settings(environ)
    except ConfigurationError as error:
        check_text(str(error).replace("\n", ""))
        return
    policy = found.policy
    assert 0 < policy.poll_ms < policy.stale_threshold_ms <= 60_000
    assert policy.allowlist
    assert found.state_url.startswith(("redis", "sentinel"))
    assert found.celery_broker_url
    assert found.api_credentials


HARNESSES: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (plan, result, positions, markets, order, permit, settings)
}


def fields_of(data: bytes) -> dict[str, Any]:
    """An entry's fields: names and values in turn; a value named more than once is a list, as the reader makes it."""
    parts = [part.decode(errors="surrogateescape") for part in data.split(SEPARATOR)]
    fields: dict[str, Any] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=False):
        known = fields.get(name)
        fields[name] = value if known is None else [known, value]
    return fields


def entry_of(fields: dict[str, str]) -> bytes:
    """The bytes from which ``fields_of`` reads these."""
    return SEPARATOR.join(part.encode() for pair in fields.items() for part in pair)


def check_text(text: str) -> None:
    """It goes into logs, keys and JSON."""
    assert text.isprintable(), "not printable"
    text.encode()


def _answer(data: bytes, read: Callable[[Any], Any]) -> Any:
    try:
        return read(loads_exact(data.decode(errors="replace")))
    except MalformedResponseError:
        return None
