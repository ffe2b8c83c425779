"""An order to the simulator, as a foreign executor sends it: signed by hand."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal

from p33_tasks.demo.exchange.client import SimControl


def send_reduce_only(sim: SimControl, symbol: str, side: str, quantity: Decimal) -> int:
    """Send one reduce-only market order; returns the HTTP status."""
    params = {
        "symbol": symbol,
        "side": side,
        "type": "MARKET",
        "quantity": format(quantity, "f"),
        "reduceOnly": "true",
        "recvWindow": 5_000,
        "timestamp": time.time_ns() // 1_000_000,
    }
    query = urllib.parse.urlencode(params)
    signature = hmac.new(sim.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(  # noqa: S310 - a loopback address that the test started
        f"{sim.base_url}/fapi/v1/order?{query}&signature={signature}",
        method="POST",
        headers={"X-MBX-APIKEY": sim.api_key},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
