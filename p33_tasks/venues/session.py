"""One request to the venue: credentials, clock, shared budget, and the answer or its error."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    StoreError,
)
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import RequestBudget
from p33_tasks.venues.ccxt_classes import base_error
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, VenueCode, failure_of, reason_of, venue_code
from p33_tasks.venues.rows import milliseconds_at
from p33_tasks.venues.scrub import scrub
from p33_tasks.venues.spec import Endpoint, VenueSpec
from p33_tasks.venues.transport import ApiKey, Recorder, Stamp, build_client, wallet_key

log = structlog.get_logger("p33.exchange")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, and the error that it means."""

    answer: Answer
    failure: ExchangeError | None
    refused: VenueCode | None  # the venue's own error in the body


class VenueSession:
    """Sends requests. Safe to build before a fork: each process and thread creates its client at first use."""

    def __init__(
        self,
        *,
        spec: VenueSpec,
        credentials: ApiKey,
        testnet: bool,
        base_url: str | None,
        budget: RequestBudget,
        timeout_ms: int,
    ) -> None:
        self._spec = spec
        self._credentials = credentials
        self._testnet = testnet
        self._base_url = base_url
        self._budget = budget
        self._timeout_ms = timeout_ms
        self._local = threading.local()
        self._offset_ms = 0  # this host's clock minus the venue's; taken as 0 until the venue refuses a timestamp
        self._offset_due = False

    # --- for venues -------------------------------------------------------------------------------------------------

    def ask(self, endpoint: Endpoint, params: Mapping[str, Any] | None = None) -> object:
        """Send one request and decode its answer exactly.

        Raises:
            ExchangeError: Any subclass; its text never contains the signed URL or a key.
        """
        reply = self.send(endpoint, params)
        if reply.failure is not None:
            raise reply.failure
        try:
            return loads_exact(reply.answer.text)
        except MalformedResponseError as error:
            raise MalformedResponseError(f"{self._what(endpoint)}: HTTP {reply.answer.status}, {error}") from None

    def send(self, endpoint: Endpoint, params: Mapping[str, Any] | None = None, *, stamp: Stamp | None = None) -> Reply:
        """Send one request; returns the answer, also an error answer, with the error that it means.

        Raises:
            ExchangeCredentialsError: A signed request without usable credentials; nothing was sent.
            ExchangeBudgetSpentError: The shared budget has no room; nothing was sent.
            ExchangeRateLimitedError: The venue asked for a pause that isn't over; nothing was sent.
            ExchangeUnavailableError: No answer came.
        """
        if endpoint.signed:
            self._check_credentials(endpoint)
            self._measure_offset_if_due()
        if endpoint.is_order:
            self._budget.acquire_order()
        else:
            self._budget.acquire(endpoint.weight)
        answer = self._exchange(endpoint, params or {}, stamp)
        refused = venue_code(answer, self._spec.errors)
        reply = Reply(answer=answer, failure=self._failure_of(answer, endpoint), refused=refused)
        self._learn_from(reply, endpoint)
        return reply

    def clock_ms(self) -> int:
        """The venue's clock in ms, estimated; the venue is queried only after it refused a timestamp."""
        self._measure_offset_if_due()
        return int(time.time() * 1000) - self._offset_ms

    @property
    def account(self) -> str:
        """The account's address, on a venue whose API key is one. Raises ExchangeCredentialsError."""
        key, form = self._credentials.api_key or "", self._spec.account
        if form is None or not form.fullmatch(key):
            found = "isn't an account's address" if key else "is missing"
            raise ExchangeCredentialsError(
                f"{self._spec.exchange_id}: the API key {found}; {self._spec.credentials_advice}"
            )
        return key.lower()

    def wallet_address(self) -> str | None:
        """The address of the wallet whose key the API secret is; None: there is no secret.

        Raises:
            ExchangeCredentialsError: The secret isn't a wallet's key.
        """
        if not self._credentials.api_secret:
            return None
        client = self._recorder().client
        try:
            return str(client.eth_get_address_from_private_key(wallet_key(client))).lower()
        except ValueError as error:
            raise ExchangeCredentialsError(
                f"{self._spec.exchange_id}: {error}; {self._spec.credentials_advice}"
            ) from None

    def fetch_server_time_ms(self) -> int:
        """The venue's clock, in one request."""
        clock = self._spec.clock
        found = milliseconds_at(self.ask(clock.endpoint), clock.path)
        if found is None:
            path = ".".join(map(str, clock.path))
            raise MalformedResponseError(f"{self._what(clock.endpoint)}: {path} is not a time in milliseconds")
        return found

    # --- inside -----------------------------------------------------------------------------------------------------

    def _what(self, endpoint: Endpoint) -> str:
        return f"{self._spec.exchange_id} {endpoint.shown}"

    def _failure_of(self, answer: Answer, endpoint: Endpoint) -> ExchangeError | None:
        secrets = self._credentials.secrets
        now_ms = int(time.time() * 1000) - self._offset_ms
        return failure_of(
            answer,
            self._spec.errors,
            self._what(endpoint),
            lambda text: scrub(text, secrets),
            now_ms,
            limit=self._spec.requests,
        )

    def _recorder(self) -> Recorder:
        made: tuple[int, Recorder] | None = getattr(self._local, "made", None)
        if made is None or made[0] != os.getpid():
            recorder = build_client(
                exchange_id=self._spec.exchange_id,
                credentials=self._credentials,
                testnet=self._testnet,
                base_url=self._base_url,
                timeout_ms=self._timeout_ms,
                options={**self._spec.ccxt_options, **(self._spec.test_ccxt_options if self._testnet else {})},
                headers=(*self._spec.headers, *(self._spec.test_headers if self._testnet else ())),
            )
            made = self._local.made = (os.getpid(), recorder)
        return made[1]

    def _exchange(self, endpoint: Endpoint, params: Mapping[str, Any], stamp: Stamp | None) -> Answer:
        recorder = self._recorder()
        recorder.client.options["timeDifference"] = self._offset_ms
        failure: ExchangeError | None = None
        try:
            # The endpoint's parameters come last: they define the answer's scope, which no caller may change.
            recorder.call(endpoint.call, {**params, **dict(endpoint.params)}, stamp)
        except (base_error(), OSError) as error:
            found = reason_of(error, self._timeout_ms)
            failure = ExchangeUnavailableError(f"{self._what(endpoint)}: {found}; the next tick tries again")
        except ValueError as error:  # all other inputs are well-formed, so the operator's secret can't sign
            found = f"{type(error).__name__} while signing; is the secret complete?"
            failure = ExchangeCredentialsError(f"{self._what(endpoint)}: {found} {self._spec.credentials_advice}")
        if recorder.answer is not None:
            return recorder.answer  # ccxt also raises for an error answer, which is judged below
        # Raised outside the except block, without context or cause: their texts contain the signed URL.
        raise failure or ExchangeUnavailableError(f"{self._what(endpoint)}: no answer; the next tick tries again")

    def _learn_from(self, reply: Reply, endpoint: Endpoint) -> None:
        """Share the answer's weight and pause with the other workers, and note a refused timestamp.

        A StoreError is ignored: the answer to an order must not be lost because Redis is unavailable.
        """
        failure = reply.failure
        if isinstance(failure, ExchangeClockError):
            self._offset_due = True
        used = reply.answer.headers.get(self._spec.requests.used_header or "", "")
        try:
            if used.isascii() and used.isdecimal():
                self._budget.report(int(used[:12]))
            if isinstance(failure, ExchangeOrderLimitedError):
                self._budget.pause_orders(failure.retry_after_sec)
            elif isinstance(failure, ExchangeRateLimitedError | ExchangeUnavailableError) and failure.retry_after_sec:
                self._budget.pause(failure.retry_after_sec)
        except StoreError as error:
            log.warning(LogEvent.BUDGET_NOT_REPORTED, request=self._what(endpoint), error=str(error))

    def _measure_offset_if_due(self) -> None:
        if self._offset_due:
            venue_ms = self.fetch_server_time_ms()
            # Taken after the answer, so that our timestamps are never ahead: the venue refuses those.
            self._offset_ms = int(time.time() * 1000) - venue_ms
            self._offset_due = False

    def _check_credentials(self, endpoint: Endpoint) -> None:
        key, secret = self._credentials.api_key, self._credentials.api_secret
        if not key or not secret:
            missing = "API key" if not key else "API secret"
            raise ExchangeCredentialsError(
                f"{self._what(endpoint)}: the {missing} is missing; {self._spec.credentials_advice}"
            )
        if not self._credentials.password and any(pair.password for pair in self._spec.credentials):
            raise ExchangeCredentialsError(
                f"{self._what(endpoint)}: the API key's passphrase is missing; {self._spec.credentials_advice}"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ExchangeCredentialsError(
                f"{self._what(endpoint)}: the API key holds a space, a line break or a character outside ASCII; "
                f"{self._spec.credentials_advice}"
            )
