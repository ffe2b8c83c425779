"""What a venue declares, against ccxt: every request is there, and goes to the declared host."""

from __future__ import annotations

import pytest

from p33_tasks.venues.build import venue_specs
from p33_tasks.venues.transport import ApiKey, build_client

ENVIRONMENTS = [
    (exchange_id, environment)
    for exchange_id, spec in sorted(venue_specs().items())
    for environment in ("live", "test")
    if environment == "live" or spec.test_host is not None
]


@pytest.mark.parametrize(("exchange_id", "environment"), ENVIRONMENTS)
def test_ccxt_knows_every_declared_request_and_host(exchange_id: str, environment: str) -> None:
    spec, testnet = venue_specs()[exchange_id], environment == "test"
    made = build_client(
        exchange_id=spec.exchange_id,
        credentials=ApiKey(),
        testnet=testnet,
        base_url=None,
        timeout_ms=1_000,
        options=spec.ccxt_options,
    )
    missing = [endpoint.call for endpoint in spec.endpoints if not callable(getattr(made.client, endpoint.call, None))]
    assert missing == []
    assert str(spec.test_host if testnet else spec.live_host) in str(made.client.urls["api"])
