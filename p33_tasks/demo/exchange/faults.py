"""The fault switches: the faults of a venue, each as one field of a validated record.

``POST /sim/fault`` merges fields into the current record, ``DELETE /sim/fault`` resets all of them.

Request faults (``latency_ms`` to ``takes_effect``) apply to requests whose path contains one of ``paths`` and whose
method is one of ``methods`` (if empty: all). ``status`` and ``body`` answer in place of the venue; with
``takes_effect`` the request is still carried out behind the broken answer, as an order may be behind a 502
(``truncated`` and ``cut`` are halves of the venue's own answer, so those are always carried out). The other switches
change the venue's data.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import known

BODIES: Final = {
    "normal": "the venue's own answer",
    "empty": "HTTP 200 without a body",
    "null": "the JSON value null",
    "object": "an empty JSON object",
    "list": "an empty JSON list",
    "html": "a proxy's HTML page",
    "truncated": "the first half of the venue's answer, as a complete HTTP message",
    "cut": "the first half of the venue's answer, then the connection closes",
    "drop": "the connection closes without an answer",
    "hang": "no answer at all",
}
ROWS: Final = {
    "missing": "no row of the symbol",
    "duplicate": "the row twice",
    "conflict": "the row twice, with two amounts",
    "no_amount": "a row without positionAmt",
    "null_amount": "positionAmt null",
    "text_amount": "positionAmt 'abc'",
    "empty_amount": "positionAmt ''",
    "nan_amount": "positionAmt 'NaN'",
    "huge_amount": "positionAmt '1e400'",
    "number_amount": "positionAmt as a JSON number",
    "not_object": "a string where the row belongs",
    "hedged": "LONG and SHORT rows for this symbol only",
}
ORDERS: Final = {
    "filled": "executed at once",
    "new": "acknowledged NEW and left open, for `fill_delay_ms` or for good",
    "partial": "`fill_ratio` executed, the rest left open, for `fill_delay_ms` or for good",
    "partial_expired": "`fill_ratio` executed, the rest expired",
    "timeout_executed": "executed, but answered -1007",
    "timeout_lost": "not executed, answered -1007",
}
METHODS: Final = frozenset({"GET", "POST", "DELETE"})
CLIENT_IDS: Final = {
    "ever": "a client order id is never accepted twice",
    "open": "a client order id may be used again once its order is closed",
}
_LIMIT_MS: Final = 600_000
_LOWEST_ERROR_STATUS: Final = 400
_HIGHEST_STATUS: Final = 599


class FaultError(ValueError):
    """A fault switch was given a value it does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """All switches; the defaults are a healthy venue."""

    latency_ms: int = 0
    status: int = 0  # an HTTP status from 400 on; 0: none. 429 and 418 carry -1003, 5xx carry -1001
    retry_after_sec: int = 0  # Retry-After header of `status`; 0: none
    body: str = "normal"
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()  # GET, POST, DELETE
    times: int = 0  # number of requests with `status` and `body` before these are switched off; 0: all
    takes_effect: bool = False
    clock_skew_ms: int = 0  # positive: the venue's clock is ahead
    hedge_mode: bool = False
    fill_delay_ms: int = 0  # a fill shows in the position this much later
    trade_delay_ms: int = 0  # a trade is listed this much later
    trades_missing: tuple[int, ...] = ()  # ids of trades that are never listed
    trades_doubled: tuple[int, ...] = ()  # ids of trades that are listed again under another id (Binance's front)
    trades_of_other_leg: tuple[int, ...] = ()  # ids of trades that are listed with another leg (Binance's front)
    order_delay_ms: int = 0  # an order is found by id this much later; cancelling goes by the engine
    rows: Mapping[str, str] = field(default_factory=dict)
    delisted: tuple[str, ...] = ()  # symbols that are no longer listed
    order: str = "filled"
    fill_ratio: Decimal = Decimal("0.5")
    order_error: int = 0  # a code that every order is refused with; 0: none
    client_ids: str = "ever"
    withdrawals_enabled: bool = False  # the API key's right in apiRestrictions

    def strikes(self, method: str, path: str) -> bool:
        """Whether the request faults apply to this request."""
        if self.methods and method not in self.methods:
            return False
        return not self.paths or any(part in path for part in self.paths)

    def merged(self, changes: Mapping[str, Any]) -> "Faults":
        """These switches with ``changes`` from JSON. Raises FaultError naming what is allowed."""
        names = {entry.name for entry in fields(self)}
        unknown = sorted(set(changes) - names)
        if unknown:
            raise FaultError(f"unknown fault {', '.join(unknown)}; there are: {', '.join(sorted(names))}")
        return replace(self, **{name: _READERS[name](name, value) for name, value in changes.items()})

    def as_json(self) -> dict[str, Any]:
        """The switches for ``GET /sim/state``."""
        return asdict(self) | {"fill_ratio": str(self.fill_ratio)}


def _integer(lowest: int, highest: int) -> Any:
    def read(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise FaultError(f"{name} is {value!r}; it must be an integer from {lowest} to {highest}")
        return value

    return read


def _status(name: str, value: Any) -> int:
    if isinstance(value, int) and (value == 0 or _LOWEST_ERROR_STATUS <= value <= _HIGHEST_STATUS):
        return value
    raise FaultError(f"{name} is {value!r}; it must be 0 (none) or an HTTP status from 400 to 599")


def _code(name: str, value: Any) -> int:
    if isinstance(value, int) and (value == 0 or known(value)):
        return value
    raise FaultError(f"{name} is {value!r}; it must be 0 (none) or a code of p33_tasks.demo.exchange.core.codes")


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FaultError(f"{name} is {value!r}; it must be true or false")
    return value


def _choice(choices: Mapping[str, str]) -> Any:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise FaultError(f"{name} is {value!r}; it must be one of: {', '.join(choices)}")
        return value

    return read


def _names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise FaultError(f"{name} is {value!r}; it must be a list of strings")
    return tuple(value)


def _ids(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(
        isinstance(entry, int) and not isinstance(entry, bool) for entry in value
    ):
        raise FaultError(f"{name} is {value!r}; it must be a list of integers")
    return tuple(value)


def _methods(name: str, value: Any) -> tuple[str, ...]:
    if unknown := sorted(set(_names(name, value)) - METHODS):
        raise FaultError(f"{name} has {', '.join(unknown)}; there are: {', '.join(sorted(METHODS))}")
    return tuple(value)


def _rows(name: str, value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise FaultError(f"{name} is {value!r}; it must be an object of symbol to row fault")
    read = _choice(ROWS)
    return {symbol: read(f"{name}.{symbol}", fault) for symbol, fault in value.items()}


def _ratio(name: str, value: Any) -> Decimal:
    try:
        ratio = Decimal(value) if isinstance(value, str) else Decimal(-1)
    except InvalidOperation as error:
        raise FaultError(f"{name} is {value!r}; it must be a decimal from 0 to 1, as a string") from error
    if not ratio.is_finite() or not 0 <= ratio <= 1:
        raise FaultError(f"{name} is {value!r}; it must be a decimal from 0 to 1, as a string")
    return ratio


_milliseconds: Final = _integer(0, _LIMIT_MS)

_READERS: Final[Mapping[str, Any]] = {
    "latency_ms": _milliseconds,
    "status": _status,
    "retry_after_sec": _integer(0, 86_400),
    "body": _choice(BODIES),
    "paths": _names,
    "methods": _methods,
    "times": _integer(0, 1_000_000),
    "takes_effect": _boolean,
    "clock_skew_ms": _integer(-_LIMIT_MS, _LIMIT_MS),
    "hedge_mode": _boolean,
    "fill_delay_ms": _milliseconds,
    "trade_delay_ms": _milliseconds,
    "trades_missing": _ids,
    "trades_doubled": _ids,
    "trades_of_other_leg": _ids,
    "order_delay_ms": _milliseconds,
    "rows": _rows,
    "delisted": _names,
    "order": _choice(ORDERS),
    "fill_ratio": _ratio,
    "order_error": _code,
    "client_ids": _choice(CLIENT_IDS),
    "withdrawals_enabled": _boolean,
}
