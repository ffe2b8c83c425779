"""The errors that more than one package raises or catches; an error of one package stands in that package.

An error's docstring is its default message, written as advice to whoever operates the service.
"""

from __future__ import annotations

import inspect


class P33Error(Exception):
    """The Position State Brain could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


# --- values ---------------------------------------------------------------------------------------------------------


class InvalidQuantityError(P33Error, ValueError):
    """The text is not a plain, finite decimal number of reasonable size."""


class InvalidMessageError(P33Error, ValueError):
    """The stream entry can't be read; it is moved to the dead-letter stream."""


class EntryMismatchError(P33Error, ValueError):
    """A task names a stream entry that isn't the plan's or the result's; nothing was done. Find out who sent it."""


class SnapshotAwaitedError(P33Error):
    """An emergency close waits for a snapshot requested for it."""


class CorruptStateError(P33Error, ValueError):
    """A value under one of our Redis keys is not what this service writes there."""


class MarketUnknownError(CorruptStateError):
    """The venue says that the symbol can't be traded, or its rules can't be read; plans for it are denied."""


# --- configuration --------------------------------------------------------------------------------------------------


class ConfigurationError(P33Error):
    """The configuration can't be used; each problem is listed with the variable, the value and what is allowed."""


# --- store ----------------------------------------------------------------------------------------------------------


class StoreError(P33Error):
    """Redis did not do what was asked."""


class StoreUnavailableError(StoreError):
    """Redis can't be reached or doesn't answer; check REDIS_HOST, REDIS_PORT and the server's log."""


class ForeignKeyTypeError(StoreError):
    """A key of this service holds a value of another type; check it with TYPE, rename it with RENAME, and try again."""


# --- exchange -------------------------------------------------------------------------------------------------------


class ExchangeError(P33Error):
    """The exchange did not give a usable answer; nothing was written."""


class ExchangeUnavailableError(ExchangeError):
    """The exchange can't be reached, timed out or answered with a server error; the next tick tries again."""

    def __init__(self, message: str | None = None, *, retry_after_sec: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_sec = retry_after_sec
        """Whole seconds to wait, from the response; None: the response has no time."""


class ExchangeRateLimitedError(ExchangeError):
    """The exchange asked for a pause (429 or 418); every worker waits until it is over."""

    def __init__(self, message: str | None = None, *, retry_after_sec: int = 60) -> None:
        super().__init__(message)
        self.retry_after_sec = retry_after_sec
        """Whole seconds during which no process may send a request."""


class ExchangeOrderLimitedError(ExchangeRateLimitedError):
    """The exchange's order limit is reached; nothing was executed. Other requests continue."""


class ExchangeBudgetSpentError(ExchangeError):
    """This service's share of the exchange's request weight is used up for this minute; wait for the next minute."""


class ExchangeCredentialsError(ExchangeError):
    """The exchange refused the API key; check the key, its secret, its permissions and its allowed addresses."""


class ExchangeClockError(ExchangeError):
    """The exchange refused the timestamp (-1021); the clock offset is measured again before the next request."""


class MalformedResponseError(ExchangeError):
    """The exchange's answer does not have the documented shape; it was not used."""


class ContradictingTradesError(MalformedResponseError):
    """The response has one trade twice, with different values; no trade of it was used."""


class OrderRejectedError(ExchangeError):
    """The exchange rejected the order; no quantity was executed."""

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        """The venue's own error code."""


class OrderOutcomeUnknownError(ExchangeError):
    """The order may or may not have been executed (a time-out, a server error); ask for it by its client order id."""


# --- permits --------------------------------------------------------------------------------------------------------


class PermitRefused(P33Error):  # noqa: N818 - the wire contract (CONTRACT section 6) fixes this name
    """The order must not be sent."""

    def __init__(self, error: str, reason: str | None = None) -> None:
        super().__init__(f"{error}: {reason}" if reason else error)
        self.error = error
        """``missing_permit_or_redis`` or ``missing_or_denied_p33_permit``."""
        self.reason = reason
        """What was found: the deny's reason, or the check that failed."""
