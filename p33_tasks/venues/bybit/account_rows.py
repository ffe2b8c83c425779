"""Pure functions that read Bybit's answers about an API key and its account, for ``p33 check``."""

from __future__ import annotations

from typing import Final

from p33_tasks.abilities import AccountReport, KeyPermissions
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.bybit.envelope import result_of
from p33_tasks.venues.bybit.spec import ACCOUNT, KEY
from p33_tasks.venues.rows import account_id

_KINDS: Final = {
    1: "classic account",
    3: "unified account 1.0",
    4: "unified account 1.0 Pro",
    5: "unified account 2.0",
    6: "unified account 2.0 Pro",
}


def read_key(answer: object) -> KeyPermissions:
    """Read ``GET /v5/user/query-api``. Raises MalformedResponseError."""
    result = result_of(answer, KEY.shown)
    read_only, permissions, addresses = result.get("readOnly"), result.get("permissions"), result.get("ips")
    if read_only not in {0, 1} or not isinstance(permissions, dict) or not isinstance(addresses, list):
        raise MalformedResponseError(f"{KEY.shown}: readOnly, permissions and ips were expected")
    granted = {name: set(map(str, rights)) for name, rights in permissions.items() if isinstance(rights, list)}
    return KeyPermissions(
        reading=True,
        futures=read_only == 0 and "Order" in granted.get("ContractTrade", set()),
        withdrawals=read_only == 0 and "Withdraw" in granted.get("Wallet", set()),
        ip_restricted=bool(addresses) and "*" not in addresses,
    )


def read_account_id(answer: object) -> str:
    """The id of the user that owns the API key. Raises MalformedResponseError."""
    return account_id(result_of(answer, KEY.shown), "userID")


def read_account(answer: object) -> AccountReport:
    """Read ``GET /v5/account/info``. Raises MalformedResponseError."""
    result = result_of(answer, ACCOUNT.shown)
    status, margin = result.get("unifiedMarginStatus"), result.get("marginMode")
    kind = _KINDS.get(status) if isinstance(status, int) and not isinstance(status, bool) else None
    shown = kind or f"account of unknown kind (unifiedMarginStatus {status!r:.20})"
    return AccountReport(
        kind=f"{shown}, {margin}" if isinstance(margin, str) else shown,
        problem=None if kind else "which positions its answers cover is not known; check the venue's announcements",
    )
