"""Binance's error codes with their HTTP status and text.

Source: the error code list of Binance's USD-M futures documentation; -1007 comes with HTTP 408, the API key
errors with 401, limits with 429 and 418, everything else that the caller did wrong with 400.
"""

from typing import Final

_BAD_REQUEST: Final = 400

_TEXTS: Final[dict[int, str]] = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1003: "Too many requests. Please use the websocket for live updates to avoid polling the API.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1015: "Too many new orders; current limit is {limit} orders per {interval}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter '{name}'; legal range is '{pattern}'.",
    -1101: "Duplicate values for a parameter detected.",
    -1102: "Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    -1106: "Parameter '{name}' sent when not required.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1121: "Invalid symbol.",
    -1127: "Lookup interval is too big.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{name}' is not valid.",
    -1131: "recvWindow must be less than 60000",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -4001: "Price less than 0.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Limit price can't be higher than {limit}.",
    -4023: "Quantity not increased by step size.",
    -4024: "Limit price can't be lower than {limit}.",
    -4028: "Leverage {leverage} is not valid",
    -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4068: "Position side cannot be changed if there exists position.",
    -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4140: "Invalid symbol status for opening position.",
    -4164: "Order's notional must be no smaller than {limit} (unless you choose reduce only).",
    -5000: "Path {path}, Method {method} is invalid",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
}

_STATUSES: Final[dict[int, int]] = {
    -1000: 500,
    -1001: 503,
    -1003: 429,
    -1007: 408,
    -1008: 503,
    -1015: 429,
    -2014: 401,
    -2015: 401,
    -5000: 404,
}


class VenueError(Exception):
    """The venue refuses a request: ``{"code": ..., "msg": ...}`` and an HTTP status."""

    def __init__(self, code: int, text: str, *, http_status: int, retry_after_sec: int | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.http_status = http_status
        self.retry_after_sec = retry_after_sec


def known(code: int) -> bool:
    """Whether the simulator has a text for this code."""
    return code in _TEXTS


def refusal(code: int, **fields: object) -> VenueError:
    """The error of a code, its text filled with ``fields``; raise what is returned."""
    values = _Blank(fields)
    return VenueError(code, _TEXTS[code].format_map(values), http_status=_STATUSES.get(code, _BAD_REQUEST))


class _Blank(dict[str, object]):
    """Keeps unfilled fields of a text readable, for codes that a fault switch sends without details."""

    def __missing__(self, key: str) -> str:
        return key
