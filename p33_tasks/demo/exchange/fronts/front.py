"""``Front``: a venue's API in front of the simulator's matching core and account.

A front has the venue's routes, checks and reads signed requests, and puts answers and errors into the venue's
envelope. The core lists its contracts under the venue's own symbols. The front translates all other values of the
core: :mod:`p33_tasks.demo.exchange.core`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from aiohttp import web

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.core.symbols import usual_symbol
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import Credentials, SignedBytes
from p33_tasks.demo.exchange.simulation import Simulation

Headers = Mapping[str, str]
DEMO_KEY: Final = Credentials(key="demo", secret="demo")  # noqa: S106 - public words, on loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """One venue's API."""

    routes: Mapping[tuple[str, str], Route]
    key_header: str
    params: Callable[[SignedBytes], dict[str, str]]  # raises VenueError
    authenticate: Callable[[Simulation, Headers, SignedBytes, dict[str, str]], None]  # raises VenueError
    envelope: Callable[[Simulation, Any], Any]  # around a handler's answer
    error: Callable[[VenueError], web.Response]
    headers: Callable[[Simulation, Route], Mapping[str, str]]  # of every answer
    unknown_path: Callable[[str, str], web.Response]  # method, path
    symbol: Callable[[str], str] = usual_symbol  # of a base asset
    pattern: Callable[[SignedBytes], str] = attrgetter("path")  # as ``routes`` has it, where that isn't the path
    has_hedge_mode: bool = True
    demo_key: Credentials = DEMO_KEY

    def route(self, sent: SignedBytes) -> Route | None:
        """The endpoint of a request."""
        return self.routes.get((sent.method, self.pattern(sent)))
