"""Guards of the simulator's fronts: one that takes too much lets a client pass that the venue refuses."""

from __future__ import annotations

from tests.guards.changes import Change, instead
from tests.guards.guard import Guard

_HYPERLIQUID = "integration/venues/test_hyperliquid_simulator.py"


def _hyperliquid(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{_HYPERLIQUID}::{test}",))


FRONTS: tuple[Guard, ...] = (
    _hyperliquid(
        "the simulated venue takes an action of the account's own API wallet only",
        "fronts.hyperliquid.front._authenticate",
        instead("signer != address_of(sim.credentials.secret)", "not signer"),
        "test_another_wallet_and_another_network_are_refused",
    ),
    _hyperliquid(
        "the simulated venue takes a nonce once",
        "fronts.hyperliquid.front._check_nonce",
        instead("in sim.nonces", "< 0"),
        "test_a_nonce_is_taken_once",
    ),
    _hyperliquid(
        "the simulated venue refuses what has expired",
        "fronts.hyperliquid.front._authenticate",
        instead("sim.server_ms > int(expires)", "int(expires) < 0"),
        "test_an_expired_order_is_not_executed_and_never_said_to_be_refused",
    ),
    _hyperliquid(
        "the simulated venue shows an account to its own address only",
        "fronts.hyperliquid.routes._role",
        instead('"agent", "data": {"user": account}', '"user"'),
        "test_the_address_of_an_api_wallet_and_of_nobody_prove_nothing",
    ),
    _hyperliquid(
        "the simulated venue refuses a part of less than its minimum value",
        "fronts.hyperliquid.orders._request",
        instead(
            "quantity * mark_of(sim, listing) < _LEAST_VALUE_USDC and not (reduces and quantity >= held)", "held < 0"
        ),
        "test_a_part_below_ten_dollars_is_refused_and_the_whole_position_is_not",
    ),
    _hyperliquid(
        "an order is signed for the network that the settings name",
        "VenueSession._recorder",
        instead("(self._spec.test_ccxt_options if self._testnet else {})", "{}"),
        "test_a_close_is_executed_found_and_listed",
    ),
)
