"""The declaration of a venue: data only, read by settings, session, budget and tests.

Nothing here imports ccxt or opens a connection, so settings can read it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FlatEvidence(StrEnum):
    """What proves that a symbol, or one leg of it, is flat."""

    ROW = "row"  # only a row with amount 0; a missing row is unknown
    ABSENCE = "absence"  # absence from an answer that is proven complete and of the right scope


class ContractSize(StrEnum):
    """The unit of the venue's quantities."""

    BASE = "base"  # base units, as everywhere in this service
    PER_SYMBOL = "per_symbol"  # contracts; the reader multiplies by each symbol's contract size


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request that the venue documents."""

    call: str  # ccxt's implicit API method
    shown: str  # method and path, for messages
    weight: int  # of the request budget, for one page
    params: tuple[tuple[str, str], ...] = ()  # sent each time: the scope of the answer, e.g. category and settle coin
    pages: int = 1  # the most pages of one reading of 600 symbols; each is a request
    period_ms: int = 0  # how long its answer is used again; 0: requested each time
    signed: bool = False
    is_order: bool = False  # counts against the venue's order limits, which have a separate budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The environment variables of one API key."""

    key: str
    secret: str
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """An answer that bans an IP address for some time without naming the time."""

    status: int
    text: re.Pattern[str]  # found in the body
    pause_sec: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCodes:
    """The fields with the code of each row, if the code of the whole answer only shows that some row failed."""

    rows_field: str
    code_field: str
    text_field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimit:
    """The venue's request weight per minute, shared by all programs on this IP address."""

    weight_per_minute: int  # the venue's own limit
    own_weight_per_minute: int  # this service's maximum: the executor needs the rest
    stop_at_weight: int  # compared with the venue's count, of all programs
    used_header: str | None  # in lower case: the venue's count, on each answer
    reset_header: str | None = None  # in lower case: on a refusal, the time (ms) from which requests are accepted again
    pause_sec: int = 60  # after a refusal that names no time: the venue's window


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimit:
    """At most ``orders`` orders within ``window_sec`` seconds."""

    orders: int
    window_sec: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCodes:
    """The fields of an error's code and text, and the codes of each error class."""

    code_field: str
    text_field: str
    is_error: re.Pattern[str]  # matches the whole code of an error; any other code is a success
    credentials: frozenset[str]
    clock: frozenset[str]
    rate_limited: frozenset[str]  # too many requests: all workers pause
    order_limited: frozenset[str]  # too many orders: only orders pause
    unavailable: frozenset[str]
    market_refused: frozenset[str]  # of an order: the market rules may have changed and are read again at once
    rows: RowCodes | None = None  # None: the answer's code is enough
    bans: tuple[Ban, ...] = ()
    # If one code stands for every error: our code for each pattern in the text; the first match counts.
    texts: tuple[tuple[str, re.Pattern[str]], ...] = ()

    def code_in(self, text: str) -> str | None:
        """The code for an error's text; None: no pattern matches."""
        return next((code for code, pattern in self.texts if pattern.search(text)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSpec:
    """How to read the venue's clock, and the allowed offset of this host's clock."""

    endpoint: Endpoint
    path: tuple[str | int, ...]  # path to the milliseconds in the answer, e.g. ("data", 0, "ts")
    max_offset_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOrderIds:
    """The venue's alphabet for client order ids."""

    pattern: re.Pattern[str]  # matches a whole id
    max_chars: int
    shown: str  # for messages
    own_prefix: str  # of the reference executor's orders


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSpec:
    """One venue. Every field is a fact of the venue's documentation, or a limit that follows from one."""

    exchange_id: str  # ccxt's id, and the value of P33_EXCHANGE
    live_host: str
    test_host: str | None  # the live host, if ``test_headers`` select the test environment; None: no test environment
    testnet_variable: str  # true: the test environment
    credentials: tuple[Credentials, ...]  # in order of preference
    requests: RequestLimit
    order_limits: tuple[OrderLimit, ...]
    errors: ErrorCodes
    clock: ClockSpec
    endpoints: tuple[Endpoint, ...]  # every request that the venue's folder sends
    positions: tuple[Endpoint, ...]  # of one refresh
    markets: tuple[Endpoint, ...]  # of one reading of the market rules
    symbol_is_flat_by: FlatEvidence
    leg_is_flat_by: FlatEvidence
    contract_size: ContractSize
    client_order_ids: ClientOrderIds
    has_hedge_mode: bool
    read_lag_ms: int  # how long after an order its effect may be missing from an answer; at least 2 s
    request_window_ms: int | None  # the longest time limit an order can carry; None: the venue has none
    markets_period_ms: int = 120_000
    markets_max_age_ms: int = 300_000
    ccxt_options: Mapping[str, Any] = field(default_factory=dict)
    test_ccxt_options: Mapping[str, Any] = field(default_factory=dict)  # in the test environment, at any address
    headers: tuple[tuple[str, str], ...] = ()  # sent with every request
    test_headers: tuple[tuple[str, str], ...] = ()  # sent with every request to the test environment
    resting: tuple[Endpoint, ...] = ()  # one reading of all open orders of the account; empty: only per symbol
    account: re.Pattern[str] | None = None  # the key is an account's public address; the secret signs orders only
    scope: str = ""  # the products in the positions answer, part of ``source``, e.g. "linear USDT"

    @property
    def credentials_advice(self) -> str:
        """A sentence that names the variables to set."""
        pairs = [
            f"{pair.key}, {pair.secret} and {pair.password}" if pair.password else f"{pair.key} and {pair.secret}"
            for pair in self.credentials
        ]
        others = f" (or {', or '.join(pairs[1:])})" if pairs[1:] else ""
        to_match = f", and {self.testnet_variable} to match" if self.test_host else ""
        return f"set {pairs[0]}{others}{to_match}"

    def no_such_environment(self, *, testnet: bool, base_url: str | None) -> str | None:
        """The error text if the test environment is set but doesn't exist, and no base URL is set; else None."""
        if self.test_host is not None or not testnet or base_url is not None:
            return None
        return (
            f"{self.exchange_id} has no test environment: set {self.testnet_variable}=false for the live account, "
            "or P33_EXCHANGE_BASE_URL to a simulator of it"
        )

    @property
    def resting_weight(self) -> int:
        """The request weight of one reading of the account's open orders."""
        return sum(endpoint.weight * endpoint.pages for endpoint in self.resting)

    @property
    def refresh_weight(self) -> int:
        """The request weight of one refresh of 600 symbols: every page, without the answers that are kept."""
        return sum(endpoint.weight * endpoint.pages for endpoint in self.positions if not endpoint.period_ms)

    def weight_per_minute(self, poll_ms: int) -> float:
        """The request weight that refreshes and market rules take each minute at this poll period."""
        return 60_000 / poll_ms * self.refresh_weight + self._steady_weight

    @property
    def least_poll_ms(self) -> int:
        """The shortest poll period, in whole ms, whose requests stay within ``own_weight_per_minute``."""
        left = self.requests.own_weight_per_minute - self._steady_weight
        return math.ceil(60_000 * self.refresh_weight / left)

    @property
    def _steady_weight(self) -> float:
        """The request weight per minute that doesn't depend on the poll period."""
        markets = 60_000 / self.markets_period_ms * sum(endpoint.weight * endpoint.pages for endpoint in self.markets)
        return markets + sum(60_000 / each.period_ms * each.weight for each in self.positions if each.period_ms)
