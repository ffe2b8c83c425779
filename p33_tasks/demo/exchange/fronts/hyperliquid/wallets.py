"""Recovers the address of the Ethereum wallet that signed a message from the signature, as the venue does.

Written from the documents, not with a client's functions, so that it can check clients. Sources:
Keccak (keccak.team, "specifications summary"), MessagePack's specification, EIP-712, and "Signing" of Hyperliquid's
documentation.
"""

import struct
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from coincurve import PrivateKey, PublicKey

_RATE: Final = 136  # bytes of Keccak-256
_MASK: Final = (1 << 64) - 1
_RECOVERABLE: Final = (27, 28)


def keccak256(data: bytes) -> bytes:
    """Keccak-256 with its original padding, which SHA3-256 changed."""
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % _RATE))
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE):
        for number, (lane,) in enumerate(struct.iter_unpack("<Q", padded[start : start + _RATE])):
            lanes[number % 5][number // 5] ^= lane
        lanes = _permuted(lanes)
    return b"".join(lanes[number][0].to_bytes(8, "little") for number in range(4))


def address_of(private_key: str) -> str:
    """The address of a wallet, in lower case. Raises ValueError."""
    return _address(PrivateKey(bytes.fromhex(private_key.removeprefix("0x"))).public_key)


def signer_of(digest: bytes, signature: Mapping[str, Any]) -> str:
    """The address whose wallet signed a digest, in lower case. Raises ValueError: it is no signature."""
    try:
        r, s, v = int(signature["r"], 16), int(signature["s"], 16), int(signature["v"])
        recovery = bytes([_RECOVERABLE.index(v)])
        key = PublicKey.from_signature_and_message(r.to_bytes(32) + s.to_bytes(32) + recovery, digest, hasher=None)
    except Exception as error:
        raise ValueError(f"no signature can be read: {error}") from error
    return _address(key)


def packed(value: Any) -> bytes:
    """MessagePack of a JSON value without fractions. Raises ValueError."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return _packed_int(value)
    if isinstance(value, str):
        text = value.encode()
        return _headed(len(text), 32, 0xA0, ((0xD9, ">B"), (0xDA, ">H"))) + text
    if isinstance(value, list):
        return _headed(len(value), 16, 0x90, ((0xDC, ">H"),)) + b"".join(map(packed, value))
    if isinstance(value, dict):
        pairs = b"".join(packed(name) + packed(each) for name, each in value.items())
        return _headed(len(value), 16, 0x80, ((0xDE, ">H"),)) + pairs
    raise ValueError(f"{value!r:.40} has no place in an action")


def agent_digest(connection_id: bytes, source: str) -> bytes:
    """Digest to sign for an action: EIP-712 over the hash of the action and the network, ``a`` live or ``b`` test."""
    domain, agent_type = _types()
    agent = keccak256(agent_type + keccak256(source.encode()) + connection_id)
    return keccak256(b"\x19\x01" + domain + agent)


@cache
def _types() -> tuple[bytes, bytes]:
    """The hash of the domain "Exchange", version 1, chain 1337, and that of the agent's type."""
    domain = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    fields = keccak256(b"Exchange"), keccak256(b"1"), (1337).to_bytes(32), bytes(32)
    return keccak256(domain + b"".join(fields)), keccak256(b"Agent(string source,bytes32 connectionId)")


def _address(key: PublicKey) -> str:
    return "0x" + keccak256(key.format(compressed=False)[1:])[-20:].hex()


def _packed_int(value: int) -> bytes:
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{value} has no place in an action")
    forms = ((0x80, b"", 1), (1 << 8, b"\xcc", 1), (1 << 16, b"\xcd", 2), (1 << 32, b"\xce", 4), (1 << 64, b"\xcf", 8))
    head, size = next((head, size) for limit, head, size in forms if value < limit)
    return head + value.to_bytes(size)


def _headed(length: int, short: int, short_head: int, forms: tuple[tuple[int, str], ...]) -> bytes:
    """The head of a text, list or object: of one byte below ``short``, else the first form for its length."""
    if length < short:
        return bytes([short_head | length])
    for head, form in forms:
        if length < 1 << 8 * struct.calcsize(form):
            return bytes([head]) + struct.pack(form, length)
    raise ValueError(f"{length} elements have no place in an action")


def _permuted(lanes: list[list[int]]) -> list[list[int]]:
    """Keccak-f[1600], a lane per column and row."""
    state = 1  # of the shift register that the round constants come from
    for _ in range(24):
        parity = [lane[0] ^ lane[1] ^ lane[2] ^ lane[3] ^ lane[4] for lane in lanes]
        mixed = [parity[x - 1] ^ _rotated(parity[(x + 1) % 5], 1) for x in range(5)]
        lanes = [[each ^ mixed[x] for each in lane] for x, lane in enumerate(lanes)]
        x, y, current = 1, 0, lanes[1][0]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, lanes[x][y] = lanes[x][y], _rotated(current, (step + 1) * (step + 2) // 2 % 64)
        lanes = [[lanes[x][y] ^ (~lanes[(x + 1) % 5][y] & lanes[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        for bit in range(7):
            state = (state << 1 ^ (state >> 7) * 0x71) % 256
            if state & 2:
                lanes[0][0] ^= 1 << (1 << bit) - 1
    return lanes


def _rotated(lane: int, count: int) -> int:
    return (lane << count | lane >> 64 - count) & _MASK
