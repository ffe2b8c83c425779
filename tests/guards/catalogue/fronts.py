"""Guards of the simulator's fronts: one that takes too much lets a client pass that the venue refuses."""

from __future__ import annotations

from tests.guards.guard import Guard

_HYPERLIQUID = "integration/venues/test_hyperliquid_simulator.py"


def _hyperliquid(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(f"{_HYPERLIQUID}::{test}",))


FRONTS: tuple[Guard, ...] = (
    _hyperliquid(
        "the simulated venue takes an action of the account's own API wallet only",
        "demo/exchange/hyperliquid_front.py",
        "    if signer != address_of(sim.credentials.secret):\n",
        "    if not signer:\n",
        "test_another_wallet_and_another_network_are_refused",
    ),
    _hyperliquid(
        "the simulated venue takes a nonce once",
        "demo/exchange/hyperliquid_front.py",
        "    if nonce in sim.nonces:\n",
        "    if nonce < 0:\n",
        "test_a_nonce_is_taken_once",
    ),
    _hyperliquid(
        "the simulated venue refuses what has expired",
        "demo/exchange/hyperliquid_front.py",
        "    if expires is not None and sim.server_ms > int(expires):\n",
        "    if expires is not None and int(expires) < 0:\n",
        "test_an_expired_order_is_not_executed_and_never_said_to_be_refused",
    ),
    _hyperliquid(
        "the simulated venue shows an account to its own address only",
        "demo/exchange/hyperliquid_routes.py",
        '        return {"role": "agent", "data": {"user": account}}\n',
        '        return {"role": "user"}\n',
        "test_the_address_of_an_api_wallet_and_of_nobody_prove_nothing",
    ),
    _hyperliquid(
        "the simulated venue refuses a part of less than its minimum value",
        "demo/exchange/hyperliquid_orders.py",
        "    if quantity * mark_of(sim, listing) < _LEAST_VALUE_USDC and not (reduces and quantity >= held):\n",
        "    if held < 0:\n",
        "test_a_part_below_ten_dollars_is_refused_and_the_whole_position_is_not",
    ),
    _hyperliquid(
        "an order is signed for the network that the settings name",
        "venues/session.py",
        "**(self._spec.test_ccxt_options if self._testnet else {})",
        "**{}",
        "test_a_close_is_executed_found_and_listed",
    ),
)
