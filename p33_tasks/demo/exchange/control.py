"""The control API under ``/sim``, for tests and operators of the demo. No authentication."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.core.matching import round_price
from p33_tasks.demo.exchange.core.orders import FORCED_IDS
from p33_tasks.demo.exchange.core.positions import PositionSide
from p33_tasks.demo.exchange.faults import FaultError
from p33_tasks.demo.exchange.order_rows import order_json
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import dump, plain

_SIDES: Final[tuple[PositionSide, ...]] = ("BOTH", "LONG", "SHORT")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application, sim: Simulation) -> None:
    """Adds the control API to an application."""
    control = Control(sim)
    routes: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
        ("GET", "/sim/state"): control.state,
        ("GET", "/sim/orders"): control.orders,
        ("GET", "/sim/requests"): control.requests,
        ("DELETE", "/sim/requests"): control.forget_requests,
        ("POST", "/sim/position"): control.set_position,
        ("POST", "/sim/price"): control.set_price,
        ("POST", "/sim/fill"): control.fill,
        ("POST", "/sim/trade"): control.trade,
        ("POST", "/sim/fault"): control.set_faults,
        ("DELETE", "/sim/fault"): control.clear_faults,
    }
    for (method, path), action in routes.items():
        app.router.add_route(method, path, _guarded(action))


def _guarded(action: Callable[[dict[str, Any]], Any]) -> _Handler:
    """Reads a JSON object, answers JSON; a wrong input is a 400 that names the allowed values."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            payload = await request.json() if request.can_read_body else {}
            if not isinstance(payload, dict):
                raise FaultError(f"the body is {payload!r}; it must be a JSON object")
            status, answer = HTTPStatus.OK, action(payload)
        except (VenueError, ValueError) as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        return web.Response(body=dump(answer), status=status, content_type="application/json")

    return handler


@dataclass(frozen=True, slots=True)
class Control:
    """The actions; each takes the request's JSON object and returns the answer."""

    sim: Simulation

    def state(self, _payload: dict[str, Any]) -> Any:
        """Positions (in the engine and as shown), markets, prices, switches, weight."""
        sim, now_ms = self.sim, self.sim.now_ms
        sim.settle()
        return {
            "now_ms": now_ms,
            "server_ms": sim.server_ms,
            "hedge_mode": sim.venue.hedged,
            "has_hedge_mode": sim.has_hedge_mode,
            "balance_usdt": plain(sim.venue.balance_usdt),
            "used_weight": sim.limiter.used_weight(now_ms),
            "faults": sim.faults.as_json(),
            "positions": [self._position(*key) for key in sim.venue.positions.held()],
            "markets": {
                listing.symbol: {"base": listing.base, "step_size": plain(listing.step_size)}
                for listing in sim.venue.listings.values()
            },
            "prices": {symbol: plain(sim.venue.mark(symbol, now_ms)) for symbol in sim.venue.listings},
        }

    def orders(self, _payload: dict[str, Any]) -> Any:
        """All orders ever accepted, oldest first."""
        self.sim.settle()
        return [order_json(self.sim, order) for order in self.sim.venue.orders.all()]

    def requests(self, _payload: dict[str, Any]) -> Any:
        """Requests per endpoint since the start."""
        return self.sim.recorder.as_json(now_ms=self.sim.now_ms)

    def forget_requests(self, _payload: dict[str, Any]) -> Any:
        """Counts from zero again."""
        self.sim.recorder.start(now_ms=self.sim.now_ms)
        return {}

    def set_position(self, payload: dict[str, Any]) -> Any:
        """``{"symbol", "amt", "entry_price"?, "position_side"?}``."""
        symbol, side = _text(payload, "symbol"), _side(payload)
        self.sim.settle()
        entry = _decimal(payload, "entry_price") if "entry_price" in payload else None
        self.sim.venue.set_position(
            symbol, _decimal(payload, "amt"), now_ms=self.sim.now_ms, entry_price=entry, side=side
        )
        return [self._position(*key) for key in self.sim.venue.positions.held() if key[0] == symbol]

    def set_price(self, payload: dict[str, Any]) -> Any:
        """``{"symbol", "price", "moving"?}``: the price stays there, or with ``moving`` goes on around it."""
        symbol, price = self.sim.venue.listing(_text(payload, "symbol")).symbol, _decimal(payload, "price")
        if price <= 0:
            raise FaultError(f"price is {price}; it must be positive")
        self.sim.venue.prices.set_price(symbol, price, moving=payload.get("moving") is True)
        return {"symbol": symbol, "price": plain(self.sim.venue.mark(symbol, self.sim.now_ms))}

    def fill(self, payload: dict[str, Any]) -> Any:
        """``{"order_id", "qty"?}``: executes an open order, whole or in part, at the mark price."""
        sim = self.sim
        sim.settle()
        order_id = payload.get("order_id")
        order = sim.venue.orders.by_id(order_id) if isinstance(order_id, int) else None
        if order is None or not order.is_open:
            raise FaultError(f"order_id is {order_id!r}; it must be an open order's")
        qty = _decimal(payload, "qty") if "qty" in payload else order.open_qty
        if not 0 < qty <= order.open_qty:
            raise FaultError(f"qty is {qty}; it must be positive and at most the open {order.open_qty}")
        price = round_price(sim.venue.listing(order.symbol), sim.venue.mark(order.symbol, sim.now_ms))
        return order_json(sim, sim.venue.fill(order, qty, price=price, now_ms=sim.now_ms, conditions=sim.conditions))

    def trade(self, payload: dict[str, Any]) -> Any:
        """``{"symbol", "qty", "kind"?, "client_order_id"?, "position_side"?}``: signed, BUY above 0.

        ``kind`` is ``manual``, or one of the venue's own: ``liquidation``, ``adl``, ``settlement``.
        """
        sim, kind, client_id = self.sim, payload.get("kind", "manual"), payload.get("client_order_id")
        if kind != "manual" and kind not in FORCED_IDS:
            raise FaultError(f"kind is {kind!r}; it must be one of: manual, {', '.join(FORCED_IDS)}")
        if client_id is not None and not isinstance(client_id, str):
            raise FaultError(f"client_order_id is {client_id!r}; it must be a string")
        sim.settle()
        order = sim.venue.trade_outside(
            _text(payload, "symbol"),
            _decimal(payload, "qty"),
            kind=kind,
            client_order_id=client_id,
            side=_side(payload),
            now_ms=sim.now_ms,
            conditions=sim.conditions,
        )
        return order_json(sim, order)

    def set_faults(self, payload: dict[str, Any]) -> Any:
        """Merges switches into the current ones."""
        self.sim.set_faults(self.sim.faults.merged(payload))
        return self.sim.faults.as_json()

    def clear_faults(self, _payload: dict[str, Any]) -> Any:
        """The switches as they were at the start: a healthy venue, with the latency it was started with."""
        self.sim.set_faults(self.sim.start_faults)
        return self.sim.faults.as_json()

    def _position(self, symbol: str, side: PositionSide) -> dict[str, Any]:
        book = self.sim.venue.positions
        true = book.true(symbol, side)
        return {
            "symbol": symbol,
            "position_side": side,
            "amt": plain(true.amt),
            "shown_amt": plain(book.shown(symbol, side, self.sim.now_ms).amt),
            "entry_price": plain(true.entry_price),
            "update_ms": true.update_ms,
        }


def _side(payload: dict[str, Any]) -> PositionSide:
    side = payload.get("position_side", "BOTH")
    if side not in _SIDES:
        raise FaultError(f"position_side is {side!r}; it must be one of: {', '.join(_SIDES)}")
    return cast(PositionSide, side)


def _text(payload: dict[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise FaultError(f"{name} is {value!r}; it must be a string")
    return value


def _decimal(payload: dict[str, Any], name: str) -> Decimal:
    text = _text(payload, name)
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise FaultError(f"{name} is {text!r}; it must be a decimal as a string") from error
    if not value.is_finite():
        raise FaultError(f"{name} is {text!r}; it must be finite")
    return value
