"""Hyperliquid: queries and actions are in the body; actions are signed by an API wallet; every error is a text.

``/info`` needs no key: it answers about any address, for an unknown one with an empty state. ``/exchange`` is signed
over the bytes of the action, its nonce and its expiry; the address recovered from the signature is an account, an API
wallet of one, or unknown. It is a test network.

Sources: "Signing", "Nonces and API wallets", "Exchange endpoint" and "Error responses" of Hyperliquid's documentation.
The text of an expired action isn't documented.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from p33_tasks.demo.exchange.answers import json_answer
from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.fronts.front import Front, Headers
from p33_tasks.demo.exchange.fronts.hyperliquid.coins import symbol_of
from p33_tasks.demo.exchange.fronts.hyperliquid.orders import order_params
from p33_tasks.demo.exchange.fronts.hyperliquid.routes import ROUTES
from p33_tasks.demo.exchange.fronts.hyperliquid.wallets import address_of, agent_digest, keccak256, packed, signer_of
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import Credentials, SignedBytes
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import dump

_TEST_NETWORK: Final = "b"
_KEPT_NONCES: Final = 100
_NONCE_WINDOW_MS: Final = (-2 * 86_400_000, 86_400_000)
_LIMITS: Final = {-1003: 429}
_SERVER_ERRORS: Final = {-1000: 500, -1001: 502, -1007: 504, -1008: 503}
_TEXTS: Final = {
    -1015: "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.",
    -2014: "Must deposit before performing actions. User: 0x0000000000000000000000000000000000000000",
    -2015: "User or API Wallet 0x0000000000000000000000000000000000000000 does not exist.",
}


def _body(sent: SignedBytes) -> dict[str, Any]:
    try:
        body = json.loads(sent.body)
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}


def _pattern(sent: SignedBytes) -> str:
    """The path and the type of query or action: ``/info clearinghouseState``, ``/exchange order``."""
    body = _body(sent)
    asked = body.get("action") if sent.path == "/exchange" else body
    return f"{sent.path} {asked.get('type', '')}" if isinstance(asked, dict) else sent.path


def _params(sent: SignedBytes) -> dict[str, str]:
    """Texts and numbers of the body as they are; the order of an action under its own names."""
    body = _body(sent)
    if sent.path == "/exchange":
        return order_params(body["action"])
    return {name: str(value) for name, value in body.items() if isinstance(value, str | int)}


def _authenticate(sim: Simulation, _headers: Headers, sent: SignedBytes, _params: dict[str, str]) -> None:
    body = _body(sent)
    nonce, expires, vault = body.get("nonce"), body.get("expiresAfter"), body.get("vaultAddress")
    try:
        hashed = packed(body.get("action")) + int(nonce or 0).to_bytes(8)
        hashed += b"\x00" if vault is None else b"\x01" + bytes.fromhex(str(vault).removeprefix("0x"))
        hashed += b"" if expires is None else b"\x00" + int(expires).to_bytes(8)
        signer = signer_of(agent_digest(keccak256(hashed), _TEST_NETWORK), body.get("signature") or {})
    except (ValueError, OverflowError) as error:
        raise VenueError(-1022, "Unable to recover signer.", http_status=200) from error
    if signer != address_of(sim.credentials.secret):
        raise VenueError(-2015, f"User or API Wallet {signer} does not exist.", http_status=200)
    if vault is not None:
        raise VenueError(-1130, f"Vault not registered: {vault}", http_status=200)
    _check_nonce(sim, int(nonce or 0))
    if expires is not None and sim.server_ms > int(expires):
        raise VenueError(-1021, "Action expired.", http_status=200)


def _check_nonce(sim: Simulation, nonce: int) -> None:
    """Within two days and one of the venue's time, new, and above the lowest of the hundred highest. Raises -1021."""
    earliest, latest = (sim.server_ms + offset for offset in _NONCE_WINDOW_MS)
    if nonce in sim.nonces:
        raise VenueError(-1021, f"Invalid nonce: duplicate nonce {nonce}", http_status=200)
    too_low = len(sim.nonces) >= _KEPT_NONCES and nonce < min(sim.nonces)
    if too_low or not earliest < nonce < latest:
        raise VenueError(-1021, f"Invalid nonce: nonce {nonce} is not within the accepted range", http_status=200)
    sim.nonces.add(nonce)
    if len(sim.nonces) > _KEPT_NONCES:
        sim.nonces.remove(min(sim.nonces))


def _envelope(_sim: Simulation, answer: Any) -> Any:
    return answer


def _error(error: VenueError) -> web.Response:
    """The answer of an error: HTTP 200 for an action's error; an error status without a body in an outage."""
    headers = {} if error.retry_after_sec is None else {"Retry-After": str(error.retry_after_sec)}
    status = _LIMITS.get(error.code) or _SERVER_ERRORS.get(error.code)
    if error.http_status >= 500 or (status is None and error.http_status == 418):  # noqa: PLR2004 - a switch's
        status = error.http_status
    if status is not None:
        return json_answer(b"null", status=status, headers=headers)
    if error.code == -1102:  # noqa: PLR2004 - the core's code of what is missing
        return _unreadable()
    text = _TEXTS.get(error.code, error.text)
    return json_answer(dump({"status": "err", "response": text}), headers=headers)


def _unreadable() -> web.Response:
    return web.Response(text="Failed to deserialize the JSON body into the target type", status=422)


def _headers(_sim: Simulation, _route: Route) -> Mapping[str, str]:
    return {}


def _unknown_path(_method: str, path: str) -> web.Response:
    return _unreadable() if path in {"/info", "/exchange"} else json_answer(b"null", status=404)


HYPERLIQUID: Final = Front(
    routes=ROUTES,
    key_header="",
    params=_params,
    authenticate=_authenticate,
    envelope=_envelope,
    error=_error,
    headers=_headers,
    unknown_path=_unknown_path,
    symbol=symbol_of,
    has_hedge_mode=False,
    pattern=_pattern,
    # The account's address, and the key of its API wallet: the test key of the venue's own client.
    demo_key=Credentials(
        key="0x00000000000000000000000000000000000000a1",
        secret="0x0123456789012345678901234567890123456789012345678901234567890123",  # noqa: S106
    ),
)
