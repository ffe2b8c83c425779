"""A client of a running simulator's control API, for tests and benches: synchronous, standard library only."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

_TIMEOUT_SEC: Final = 10


class SimControlError(Exception):
    """The simulator refused a control request, or none answers at the address; the text has the cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCount:
    """The requests to one endpoint since the start or the last reset of the counts."""

    count: int = 0
    weight: int = 0
    with_key: int = 0
    statuses: dict[int, int]
    times_ms: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCounts:
    """All requests to the venue, by endpoint such as ``GET /fapi/v2/positionRisk``; times in Unix ms."""

    since_ms: int
    now_ms: int
    total: int
    weight: int
    endpoints: dict[str, EndpointCount]

    def count(self, endpoint: str) -> int:
        """Requests to one endpoint, 0 if there was none."""
        found = self.endpoints.get(endpoint)
        return found.count if found is not None else 0

    def paths_outside(self, prefix: str) -> list[str]:
        """Endpoints that were called although their path does not start with ``prefix``."""
        return [name for name in self.endpoints if not name.partition(" ")[2].startswith(prefix)]


class SimControl:
    """The control API of one simulator. Every method raises SimControlError."""

    def __init__(self, base_url: str, *, api_key: str = "demo", api_secret: str = "demo") -> None:  # noqa: S107
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        self.api_secret = api_secret

    def state(self) -> dict[str, Any]:
        """Positions, prices, switches and weight, as in ``GET /sim/state``."""
        answer: dict[str, Any] = self._call("GET", "/sim/state")
        return answer

    def position(self, symbol: str, position_side: str = "BOTH") -> Decimal:
        """The matching engine's signed amount for a symbol, base units."""
        for row in self.state()["positions"]:
            if (row["symbol"], row["position_side"]) == (symbol, position_side):
                return Decimal(row["amt"])
        return Decimal(0)

    def orders(self) -> list[dict[str, Any]]:
        """All orders ever accepted, oldest first, in the venue's field names."""
        answer: list[dict[str, Any]] = self._call("GET", "/sim/orders")
        return answer

    def requests(self) -> RequestCounts:
        """The counts of the clients' requests to the venue."""
        answer = self._call("GET", "/sim/requests")
        endpoints = {
            name: EndpointCount(**use | {"statuses": {int(status): n for status, n in use["statuses"].items()}})
            for name, use in answer.pop("endpoints").items()
        }
        return RequestCounts(endpoints=endpoints, **answer)

    def forget_requests(self) -> None:
        """Counts requests from zero again."""
        self._call("DELETE", "/sim/requests")

    def set_position(
        self,
        symbol: str,
        amt: Decimal | str | int,
        *,
        entry_price: Decimal | str | int | None = None,
        position_side: str = "BOTH",
    ) -> None:
        """Changes a position without an order of the client."""
        payload = {"symbol": symbol, "amt": _text(amt), "position_side": position_side}
        if entry_price is not None:
            payload["entry_price"] = _text(entry_price)
        self._call("POST", "/sim/position", payload)

    def set_price(self, symbol: str, price: Decimal | str | int, *, moving: bool = False) -> None:
        """Moves a symbol's mark price; it stays there unless ``moving``."""
        self._call("POST", "/sim/price", {"symbol": symbol, "price": _text(price), "moving": moving})

    def fill(self, order_id: int, qty: Decimal | str | int | None = None) -> dict[str, Any]:
        """Executes an open order, whole or ``qty`` of it, and returns it."""
        payload: dict[str, Any] = {"order_id": order_id}
        if qty is not None:
            payload["qty"] = _text(qty)
        answer: dict[str, Any] = self._call("POST", "/sim/fill", payload)
        return answer

    def trade(
        self,
        symbol: str,
        qty: Decimal | str | int,
        *,
        kind: str = "manual",
        client_order_id: str | None = None,
        position_side: str = "BOTH",
    ) -> dict[str, Any]:
        """A signed trade without an order of the client: manual, or the venue's own (liquidation, adl, settlement)."""
        payload: dict[str, Any] = {"symbol": symbol, "qty": _text(qty), "kind": kind, "position_side": position_side}
        if client_order_id is not None:
            payload["client_order_id"] = client_order_id
        answer: dict[str, Any] = self._call("POST", "/sim/trade", payload)
        return answer

    def fault(self, **switches: Any) -> None:
        """Turns fault switches, see :class:`p33_tasks.demo.exchange.faults.Faults`; the others stay as they are."""
        plain = {name: _text(value) if isinstance(value, Decimal) else value for name, value in switches.items()}
        self._call("POST", "/sim/fault", plain)

    def clear_faults(self) -> None:
        """Turns all fault switches off."""
        self._call("DELETE", "/sim/fault")

    def _call(self, method: str, path: str, payload: dict[str, Any] | None = None) -> Any:
        body = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(  # noqa: S310 (a loopback address that the caller started)
            self.base_url + path, data=body, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SEC) as response:  # noqa: S310 (see above)
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode()
            raise SimControlError(f"{method} {path}: HTTP {error.code}: {text}") from error
        except OSError as error:
            raise SimControlError(f"{method} {path}: no simulator answers at {self.base_url}: {error}") from error


def _text(value: Decimal | str | int) -> str:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; a quantity is a Decimal, a string or an integer")
    return format(value, "f") if isinstance(value, Decimal) else str(value)
