"""Which venues have a strict reader of ours. Another venue is one file, and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from p33_tasks.errors import ConfigurationError
from p33_tasks.exchange import binance_usdm
from p33_tasks.exchange.client import Credentials
from p33_tasks.exchange.session import Dialect, VenueSession
from p33_tasks.ports import RequestBudget, Venue

DEFAULT_TIMEOUT_MS: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StrictReader:
    """How a venue is built, and the hosts that its positions are read from."""

    dialect: Dialect
    live_host: str
    testnet_host: str
    market_refusals: frozenset[str]  # codes of refused orders that make the market rules due at once
    venue: Callable[..., Venue]  # (session, *, source, has_key_permissions)


STRICT_READERS: Final[dict[str, StrictReader]] = {
    binance_usdm.EXCHANGE_ID: StrictReader(
        dialect=binance_usdm.DIALECT,
        live_host=binance_usdm.LIVE_HOST,
        testnet_host=binance_usdm.TESTNET_HOST,
        market_refusals=binance_usdm.MARKET_REFUSALS,
        venue=binance_usdm.BinanceUsdm,
    ),
}


def strict_reader(exchange_id: str) -> StrictReader:
    """Our reader of a venue.

    Raises:
        ConfigurationError: There is none; read by ccxt's unified methods, "unknown" would come out as "flat".
    """
    reader = STRICT_READERS.get(exchange_id)
    if reader is None:
        supported = ", ".join(sorted(STRICT_READERS))
        raise ConfigurationError(
            f"P33_EXCHANGE={exchange_id!r:.40}: there is no strict reader for this venue; supported: {supported}"
        )
    return reader


def build_venue(
    *,
    exchange_id: str,
    api_key: str | None,
    api_secret: str | None,
    password: str | None = None,
    testnet: bool,
    base_url: str | None,
    budget: RequestBudget,
    timeout_ms: int = DEFAULT_TIMEOUT_MS,
) -> Venue:
    """The venue, ready to be asked; nothing is imported, opened or sent before the first request.

    Args:
        exchange_id: A ccxt exchange id with an entry in ``STRICT_READERS``.
        api_key: None works for market rules and the server time.
        api_secret: As ``api_key``.
        password: Of venues that want one.
        testnet: Read the venue's test environment.
        base_url: Scheme and host that replace the venue's own in every URL.
        budget: The request weight that all workers share.
        timeout_ms: For connecting, and for each wait for data.

    Raises:
        ConfigurationError: No strict reader for the venue.
    """
    reader = strict_reader(exchange_id)
    session = VenueSession(
        dialect=reader.dialect,
        credentials=Credentials(api_key=api_key, api_secret=api_secret, password=password),
        testnet=testnet,
        base_url=base_url,
        budget=budget,
        timeout_ms=timeout_ms,
    )
    return reader.venue(
        session,
        source=venue_source(exchange_id, testnet, base_url),
        has_key_permissions=base_url is not None or not testnet,
    )


def venue_source(exchange_id: str, testnet: bool, base_url: str | None) -> str:  # noqa: FBT001 - settings' own order
    """Venue and host as written into every snapshot, e.g. ``binanceusdm 127.0.0.1:8088``; ccxt isn't imported.

    A path in the base URL is part of it: two accounts may be told apart by nothing else.

    Raises:
        ConfigurationError: No strict reader for the venue.
    """
    reader = strict_reader(exchange_id)
    if base_url is None:
        return f"{exchange_id} {reader.testnet_host if testnet else reader.live_host}"
    parts = urlsplit(base_url)
    return f"{exchange_id} {parts.netloc.rpartition('@')[2].lower()}{parts.path.rstrip('/')}"
