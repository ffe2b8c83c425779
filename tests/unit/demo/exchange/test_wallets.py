"""Hashes, packing and recovered addresses, against published values and ccxt's own signing."""

from __future__ import annotations

import ccxt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p33_tasks.demo.exchange.fronts.hyperliquid.wallets import address_of, agent_digest, keccak256, packed, signer_of

KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
ADDRESS = "0x14791697260e4c9a71f18484c9f997b308e59325"


@pytest.fixture(scope="module")
def client():
    return ccxt.hyperliquid({"walletAddress": ADDRESS, "privateKey": KEY})


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # of the Keccak team's test vectors, and of Ethereum
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"transfer(address,uint256)", "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b"),
    ],
)
def test_keccak_has_the_published_values(data, expected):
    assert keccak256(data).hex() == expected


@pytest.mark.parametrize("length", [135, 136, 137, 271, 272, 300])
def test_keccak_at_the_edges_of_its_blocks_is_that_of_ccxt(client, length):
    data = bytes(number % 251 for number in range(length))
    assert keccak256(data) == client.hash(data, "keccak", "binary")


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, (1 << 64) - 1) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=5), inner, max_size=20),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(value=values)
def test_packing_is_that_of_ccxt(value):
    assert packed(value) == ccxt.hyperliquid().packb(value)


@pytest.mark.parametrize("value", [0.5, -1, 1 << 64, b"x", {"a": object()}])
def test_what_no_action_holds_is_not_packed(value):
    with pytest.raises(ValueError, match="no place in an action"):
        packed(value)


def test_the_address_of_a_key_and_of_its_signature(client):
    assert address_of(KEY) == ADDRESS
    action = {"type": "order", "orders": [{"a": 1, "b": True, "s": "0.1"}], "grouping": "na"}
    signature = client.sign_l1_action(action, 1_764_617_438_643, None, 1_764_617_439_000)
    times = (1_764_617_438_643).to_bytes(8) + b"\x00" + b"\x00" + (1_764_617_439_000).to_bytes(8)
    hashed = keccak256(packed(action) + times)
    assert signer_of(agent_digest(hashed, "a"), signature) == ADDRESS
    assert signer_of(agent_digest(hashed, "b"), signature) != ADDRESS
    assert signer_of(agent_digest(keccak256(packed(action)), "a"), signature) != ADDRESS


@pytest.mark.parametrize("signature", [{}, {"r": "0x1", "s": "x", "v": 27}, {"r": "0x1", "s": "0x1", "v": 29}])
def test_what_is_no_signature_names_nobody(signature):
    with pytest.raises(ValueError, match="no signature"):
        signer_of(bytes(32), signature)
