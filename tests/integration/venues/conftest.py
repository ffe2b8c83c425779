"""A venue over real HTTP: a server with canned answers, and the simulator."""

from __future__ import annotations

import pytest

from p33_tasks.venues.build import build_order_client, build_venue
from tests.support.budgets import RecordingBudget
from tests.support.canned_http import canned_http

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
API_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP"


@pytest.fixture
def server():
    with canned_http() as running:
        yield running


@pytest.fixture
def budget():
    return RecordingBudget()


@pytest.fixture
def make_venue(budget):
    def make(base_url, **changes):
        arguments = {
            "exchange_id": "binanceusdm",
            "api_key": API_KEY,
            "api_secret": API_SECRET,
            "testnet": True,
            "base_url": base_url,
            "budget": budget,
            "timeout_ms": 3000,
        }
        return build_venue(**(arguments | changes))

    return make


@pytest.fixture
def venue(make_venue, server):
    return make_venue(server.url)


@pytest.fixture
def make_orders(budget):
    def make(base_url, **changes):
        arguments = {
            "exchange_id": "binanceusdm",
            "api_key": API_KEY,
            "api_secret": API_SECRET,
            "testnet": True,
            "base_url": base_url,
            "budget": budget,
            "timeout_ms": 3000,
        }
        return build_order_client(**(arguments | changes))

    return make
