"""Keys, groups and ids of executor, governor and demo; the service doesn't use them."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.contract.order_ids import own_order_id
from p33_tasks.venues.spec import ClientOrderIds

APPLY_GROUP = "apply"
GOVERNOR_GROUP = "governor"
"""Consumer groups on the plan stream, in addition to the brain's."""

CLIENT_ORDER_ID_PREFIX = "p33-"


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """The keys of executor, governor and demo in one trading account."""

    prefix: str = "quantum"

    def journal(self, plan_id: str) -> str:
        """HASH: the executor's journal of a plan."""
        return f"{self.prefix}:apply:plan:{plan_id}"

    def grants(self, symbol: str) -> str:
        """ZSET: plan_ids granted within the last hour, by Redis TIME in milliseconds."""
        return f"{self.prefix}:governor:grants:{symbol}"

    @property
    def notional(self) -> str:
        """HASH: UTC day number to the granted notional of that day, in whole cents of the quote currency."""
        return f"{self.prefix}:governor:notional"

    @property
    def cases(self) -> str:
        """STREAM: the demo's cases, expected and got."""
        return f"{self.prefix}:demo:cases"


def client_order_id(prefix: str, plan_id: str, ids: ClientOrderIds | None = None) -> str:
    """The client order id of a plan's order: the same on every host and after every restart.

    Args:
        prefix: The account's key prefix; without line breaks.
        plan_id: Any text.
        ids: The venue's alphabet and length; None: 36 characters of ``a-z0-9-``.

    Returns:
        The venue's prefix for the reference executor's orders, and at least 112 bits of a digest.
    """
    if ids is None:
        return own_order_id(prefix, plan_id, CLIENT_ORDER_ID_PREFIX)
    return own_order_id(prefix, plan_id, ids.own_prefix, max_chars=ids.max_chars)
