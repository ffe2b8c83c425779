"""One market order on Binance USD-M, or on the demo's simulator: standard library only."""

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

BASE_URL = os.environ.get("P33_EXCHANGE_BASE_URL", "https://demo-fapi.binance.com")
CLIENT_ERRORS = range(400, 500)
DOUBTFUL_CODES = (-1006, -1007, -4116)
"""Binance's codes of a client error that leave doubt: status unknown, and an order of this id that is there already."""


class OrderRefusedError(Exception):
    """The venue refused the order: nothing was executed."""


def place_order(*, client_order_id: str, **order: str) -> dict[str, Any]:
    """Send it once.

    Raises:
        OrderRefusedError: The venue said no.
        OSError: It may have been executed: the venue didn't answer in time, or with an error of its own.
    """
    params = {**order, "type": "MARKET", "newClientOrderId": client_order_id, "newOrderRespType": "RESULT"}
    text = urllib.parse.urlencode({**params, "recvWindow": 5000, "timestamp": int(time.time() * 1000)})
    secret = os.environ["BINANCE_API_SECRET"].encode()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(  # noqa: S310 - the URL is the operator's own
        f"{BASE_URL}/fapi/v1/order?{text}&signature={signature}",
        method="POST",
        headers={"X-MBX-APIKEY": os.environ["BINANCE_API_KEY"]},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        body = error.read(500).decode(errors="replace")
        if error.code in CLIENT_ERRORS and error.code != 408 and not _is_doubtful(body):  # noqa: PLR2004 - a time-out
            raise OrderRefusedError(body) from error
        raise


def _is_doubtful(body: str) -> bool:
    try:
        return json.loads(body).get("code") in DOUBTFUL_CODES
    except (ValueError, AttributeError):
        return False
