"""Building a venue of ``VENUES`` from its id. Importing this imports no ccxt."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from p33_tasks.abilities import Orders
from p33_tasks.errors import ConfigurationError
from p33_tasks.ports import RequestBudget, Venue
from p33_tasks.venues import VENUES
from p33_tasks.venues.entry import VenueEntry
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import VenueSpec
from p33_tasks.venues.transport import ApiKey

DEFAULT_TIMEOUT_MS: Final = 4_000


@cache
def venue_specs() -> dict[str, VenueSpec]:
    """The spec of every venue by exchange id, in the order of ``VENUES``. No reader is imported."""
    return {spec.exchange_id: spec for _, spec in _folders()}


def venue_spec(exchange_id: str) -> VenueSpec:
    """The spec of one venue.

    Raises:
        ConfigurationError: No reader for this venue (ccxt's unified methods would turn "unknown" into "flat").
    """
    spec = venue_specs().get(exchange_id)
    if spec is None:
        supported = ", ".join(sorted(venue_specs()))
        raise ConfigurationError(
            f"P33_EXCHANGE={exchange_id!r:.40}: there is no strict reader for this venue; supported: {supported}"
        )
    return spec


@cache
def venue_entry(exchange_id: str) -> VenueEntry:
    """The ``VenueEntry`` of one venue; only its own modules are imported. Raises as ``venue_spec``."""
    own = venue_spec(exchange_id)
    (folder,) = [folder for folder, spec in _folders() if spec is own]
    entry: VenueEntry = import_module(f"p33_tasks.venues.{folder}.venue").VENUE
    return entry


@cache
def _folders() -> list[tuple[str, VenueSpec]]:
    return [(folder, import_module(f"p33_tasks.venues.{folder}.spec").SPEC) for folder in VENUES]


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
    """The venue's reader; nothing is imported, opened or sent before the first request.

    Args:
        exchange_id: Of one of ``VENUES``.
        api_key: None works for market rules and the server time.
        api_secret: As ``api_key``.
        password: The passphrase, for venues that require one.
        testnet: Read the venue's test environment.
        base_url: Scheme and host that replace the venue's own in every URL.
        budget: The request weight that all workers share.
        timeout_ms: For connecting, and for each wait for data.

    Raises:
        ConfigurationError: No strict reader for the venue, or no test environment where that is to be read.
    """
    entry = venue_entry(exchange_id)
    key = ApiKey(api_key=api_key, api_secret=api_secret, password=password)
    session = _session(entry, key, testnet=testnet, base_url=base_url, budget=budget, timeout_ms=timeout_ms)
    return entry.reader(session, venue_source(exchange_id, testnet, base_url), testnet and base_url is None)


def build_order_client(
    *,
    exchange_id: str,
    api_key: str | None,
    api_secret: str | None,
    password: str | None = None,
    testnet: bool,
    base_url: str | None,
    budget: RequestBudget,
    timeout_ms: int = DEFAULT_TIMEOUT_MS,
) -> Orders:
    """The order client, for the reference executor; arguments as of ``build_venue``.

    Raises:
        ConfigurationError: No such venue or test environment, a venue without orders, or no secret where only orders
            need one.
    """
    entry = venue_entry(exchange_id)
    if entry.orders is None:
        can = ", ".join(sorted(name for name in venue_specs() if venue_entry(name).orders))
        raise ConfigurationError(f"P33_EXCHANGE={exchange_id!r:.40}: orders are placed on {can} only")
    if entry.spec.account is not None and not api_secret:
        (pair,) = entry.spec.credentials
        raise ConfigurationError(
            f"orders are signed with a wallet's key: set {pair.secret}; reading needs {pair.key} only"
        )
    key = ApiKey(api_key=api_key, api_secret=api_secret, password=password)
    return entry.orders(_session(entry, key, testnet=testnet, base_url=base_url, budget=budget, timeout_ms=timeout_ms))


def venue_source(exchange_id: str, testnet: bool, base_url: str | None) -> str:  # noqa: FBT001 - settings' own order
    """Venue and host as written into every snapshot, e.g. ``binanceusdm 127.0.0.1:8088``; ccxt isn't imported.

    A path in the base URL is part of it: it may be the only difference between two accounts.

    Raises:
        ConfigurationError: As ``build_venue``.
    """
    spec = venue_spec(exchange_id)
    _check_environment(spec, testnet=testnet, base_url=base_url)
    if base_url is None:
        host = (testnet and spec.test_host) or spec.live_host
    else:
        parts = urlsplit(base_url)
        host = f"{parts.netloc.rpartition('@')[2].lower()}{parts.path.rstrip('/')}"
    demo = "demo" if testnet and spec.test_headers else ""  # the only difference on the same host
    return " ".join(part for part in (exchange_id, host, spec.scope, demo) if part)


def _session(
    entry: VenueEntry, key: ApiKey, *, testnet: bool, base_url: str | None, budget: RequestBudget, timeout_ms: int
) -> VenueSession:
    _check_environment(entry.spec, testnet=testnet, base_url=base_url)
    return VenueSession(
        spec=entry.spec, credentials=key, testnet=testnet, base_url=base_url, budget=budget, timeout_ms=timeout_ms
    )


def _check_environment(spec: VenueSpec, *, testnet: bool, base_url: str | None) -> None:
    problem = spec.no_such_environment(testnet=testnet, base_url=base_url)
    if problem is not None:
        raise ConfigurationError(problem)
