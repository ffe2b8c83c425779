"""Records the calls per endpoint with times and weights, so that tests and benches can check a client's requests."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

# Maximum of times kept per endpoint; counts and weights have no maximum.
KEPT_TIMES: Final = 20_000


@dataclass(slots=True, kw_only=True)
class EndpointUse:
    """The requests to one endpoint. Mutable: it counts."""

    count: int = 0
    weight: int = 0
    with_key: int = 0  # requests that carried an API key
    statuses: dict[int, int] = field(default_factory=dict)  # a connection closed without an answer counts as 0
    times_ms: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT_TIMES))  # arrivals, Unix time


class Recorder:
    """Counts of all requests except those to ``/sim``."""

    def __init__(self, *, now_ms: int) -> None:
        self.start(now_ms=now_ms)

    def start(self, *, now_ms: int) -> None:
        """Forgets everything counted so far."""
        self._since_ms = now_ms
        self._uses: dict[str, EndpointUse] = {}

    def arrived(self, endpoint: str, *, weight: int, with_key: bool, now_ms: int) -> None:
        """A request came in."""
        use = self._uses.setdefault(endpoint, EndpointUse())
        use.count += 1
        use.weight += weight
        use.with_key += with_key
        use.times_ms.append(now_ms)

    def answered(self, endpoint: str, status: int) -> None:
        """A request was answered; 0 means a closed connection."""
        use = self._uses.setdefault(endpoint, EndpointUse())
        use.statuses[status] = use.statuses.get(status, 0) + 1

    def as_json(self, *, now_ms: int) -> dict[str, Any]:
        """For ``GET /sim/requests``."""
        return {
            "since_ms": self._since_ms,
            "now_ms": now_ms,
            "total": sum(use.count for use in self._uses.values()),
            "weight": sum(use.weight for use in self._uses.values()),
            "endpoints": {
                name: {
                    "count": use.count,
                    "weight": use.weight,
                    "with_key": use.with_key,
                    "statuses": {str(status): count for status, count in use.statuses.items()},
                    "times_ms": list(use.times_ms),
                }
                for name, use in self._uses.items()
            },
        }
