"""Pure functions that read OKX's account configuration: position mode, account mode, and key permissions.

Source: "Get account configuration" of OKX's v5 documentation.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.abilities import AccountReport, KeyPermissions
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.okx.envelope import only_row_of
from p33_tasks.venues.okx.spec import CONFIG
from p33_tasks.venues.rows import account_id

_MODES: Final = {"net_mode": False, "long_short_mode": True}
_LEVELS: Final = {
    "1": "Spot mode",
    "2": "Futures mode",
    "3": "Multi-currency margin mode",
    "4": "Portfolio margin mode",
}


def read_hedge_mode(answer: object) -> bool:
    """Whether the account is in hedge mode. Raises MalformedResponseError."""
    mode = only_row_of(answer, CONFIG.shown).get("posMode")
    hedge = _MODES.get(mode) if isinstance(mode, str) else None
    if hedge is None:
        raise MalformedResponseError(f"{CONFIG.shown}: posMode is {mode!r:.30}, not net_mode or long_short_mode")
    return hedge


def read_account_id(answer: object) -> str:
    """The account's uid. Raises MalformedResponseError."""
    return account_id(only_row_of(answer, CONFIG.shown), "uid")


def read_key(answer: object) -> KeyPermissions:
    """The permissions of the API key that sent the request. Raises MalformedResponseError."""
    row = only_row_of(answer, CONFIG.shown)
    granted, addresses = row.get("perm"), row.get("ip")
    if not isinstance(granted, str) or not isinstance(addresses, str):
        raise MalformedResponseError(f"{CONFIG.shown}: perm and ip were expected")
    rights = {right.strip() for right in granted.split(",")}
    return KeyPermissions(
        reading=True,
        futures="trade" in rights,
        withdrawals="withdraw" in rights,
        ip_restricted=bool(addresses.strip()),
    )


def read_account(answer: object) -> AccountReport:
    """The account mode. Raises MalformedResponseError."""
    level = only_row_of(answer, CONFIG.shown).get("acctLv")
    kind = _LEVELS.get(level) if isinstance(level, str) else None
    if kind is None:
        return AccountReport(
            kind=f"account of unknown mode (acctLv {level!r:.20})", problem="look the account mode up on the website"
        )
    fix = "swaps aren't traded in Spot mode; set Futures mode in the account's trading settings"
    return AccountReport(kind=kind, problem=fix if level == "1" else None)
