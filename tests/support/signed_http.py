"""Requests to a Binance-like venue by hand: no client library between the test and the wire."""

import hashlib
import hmac
import http.client
import json
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p33_tasks.demo.exchange.client import SimControl


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """Binance's error code."""
        code: int = self.json()["code"]
        return code


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def sign(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def send(
    sim: SimControl,
    method: str,
    path: str,
    *,
    query: str = "",
    body: str | None = None,
    api_key: str | None = None,
    timeout_sec: float = 10,
) -> Answer:
    """One request, its bytes exactly as given."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(sim.base_url).netloc, timeout=timeout_sec)
    headers = {} if api_key is None else {"X-MBX-APIKEY": api_key}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(method, f"{path}?{query}" if query else path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(status=response.status, headers=dict(response.getheaders()), body=response.read())
    finally:
        connection.close()


def signed(sim: SimControl, method: str, path: str, *, timeout_sec: float = 10, **params: object) -> Answer:
    """A signed request; parameters of a POST travel in the body, others in the query string."""
    text = urllib.parse.urlencode({"timestamp": now_ms(), **params})
    text += f"&signature={sign(sim.api_secret, text)}"
    if method == "POST":
        return send(sim, method, path, body=text, api_key=sim.api_key, timeout_sec=timeout_sec)
    return send(sim, method, path, query=text, api_key=sim.api_key, timeout_sec=timeout_sec)


def market_order(sim: SimControl, symbol: str, side: str, quantity: object, **params: object) -> Answer:
    """A reduce-only market order answered with its result, unless ``params`` say otherwise."""
    defaults = {"type": "MARKET", "reduceOnly": "true", "newOrderRespType": "RESULT"}
    values = {"symbol": symbol, "side": side, "quantity": quantity, **defaults, **params}
    return signed(sim, "POST", "/fapi/v1/order", **{name: value for name, value in values.items() if value is not None})
