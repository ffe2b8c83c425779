"""A venue session that answers each request from a list, decoded and judged as the real one does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from p33_tasks.abilities import OrderReport, Orders
from p33_tasks.domain.models import OrderSide
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, failure_of, venue_code
from p33_tasks.venues.session import Reply
from p33_tasks.venues.spec import Endpoint, VenueSpec
from p33_tasks.venues.transport import Stamp

NOW_MS = 1_800_000_000_000

Answering = Callable[[Mapping[str, Any]], Any]


@dataclass
class PlayedSession:
    """``answers``: endpoint to an answer, to a function of the parameters, or to an error that is raised."""

    spec: VenueSpec
    answers: dict[Endpoint, Any]
    status: int = 200
    account: str = "0x00000000000000000000000000000000000000a1"
    wallet: str | None = None
    sent: list[tuple[Endpoint, dict[str, Any]]] = field(default_factory=list)
    stamps: list[Stamp] = field(default_factory=list)

    def ask(self, endpoint: Endpoint, params: Mapping[str, Any] | None = None) -> object:
        reply = self.send(endpoint, params)
        if reply.failure is not None:
            raise reply.failure
        return loads_exact(reply.answer.text)

    def send(self, endpoint: Endpoint, params: Mapping[str, Any] | None = None, *, stamp: Stamp | None = None) -> Reply:
        self.sent.append((endpoint, dict(params or {})))
        if stamp is not None:
            self.stamps.append(stamp)
        answer = self.answers[endpoint]
        if callable(answer):
            answer = answer(params or {})
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        got = Answer(status=self.status, headers={}, text=text)
        failure = failure_of(got, self.spec.errors, endpoint.shown, str, NOW_MS, limit=self.spec.requests)
        return Reply(answer=got, failure=failure, refused=venue_code(got, self.spec.errors))

    def wallet_address(self) -> str | None:
        return self.wallet

    def clock_ms(self) -> int:
        return NOW_MS

    def params_of(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        return [params for asked, params in self.sent if asked is endpoint]


def place_order(client: Orders, *, symbol: str, quantity: str, client_order_id: str, **changes: Any) -> OrderReport:
    """A reduce-only SELL with what is left of a permit's window."""
    arguments = {
        "symbol": symbol,
        "side": OrderSide.SELL,
        "quantity": Decimal(quantity),
        "client_order_id": client_order_id,
        "recv_window_ms": 900,
        "window_start_ms": NOW_MS - 40,
    }
    return client.place_reduce_only_market(**(arguments | changes))
