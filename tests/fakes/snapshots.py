"""``ports.SnapshotStore`` in memory, and a venue that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from p33_tasks.domain.models import Ledger, MarketRules, Position, Snapshot
from p33_tasks.ports import Claim, MarketReport, MarketsLoaded, PositionReport, RefreshClaim
from tests.fakes.account import MemoryAccount


class MemorySnapshotStore:
    """Snapshots and market rules of an account."""

    def __init__(self, account: MemoryAccount) -> None:
        self.account = account
        self._token = 0
        self._busy: str | None = None
        self._started_ms: int | None = None
        self._markets_loaded = False
        self.errors: list[str] = []
        self.noted_account = ""

    def claim_refresh(self, source: str, *, only_wished: bool = False) -> RefreshClaim:  # noqa: ARG002 - the port's signature
        here = self.account
        if only_wished:  # nobody wishes here
            claim = Claim.DONE
        elif self._busy is not None:
            claim = Claim.IN_FLIGHT
        elif self._started_ms is not None and here.now_ms < self._started_ms + here.policy.poll_ms:
            claim = Claim.DONE
        else:
            claim = Claim.MINE
            self._token += 1
            self._busy, self._started_ms = str(self._token), here.now_ms
        due = claim is Claim.MINE and (here.is_market_refused or not self._markets_loaded)
        return RefreshClaim(
            claim=claim,
            now_ms=here.now_ms,
            run_id=here.run_id,
            life=here.life,
            token=str(self._token),
            markets_due=due,
        )

    def note_account(self, account: str) -> bool:
        before, self.noted_account = self.noted_account, account
        if before in {"", account}:
            return False
        self.account.life += "+"
        return True

    def finish_refresh(self, claim: RefreshClaim, *, error: str = "", markets: MarketsLoaded | None = None) -> None:
        if self._busy == claim.token:
            self._busy = None
        if error:
            self.errors.append(error)
        if markets is not None:
            self._markets_loaded, self.account.is_market_refused = True, False

    def put_snapshots(self, snapshots: Iterable[Snapshot]) -> Mapping[str, str]:
        return {snapshot.position.symbol: self._put(snapshot) for snapshot in snapshots}

    def _put(self, snapshot: Snapshot) -> str:
        here, symbol = self.account, snapshot.position.symbol
        known = here.snapshots.get(symbol)
        if known is not None and known.ts_ms > snapshot.ts_ms:
            return "older"
        if snapshot.run_id != here.run_id:
            return "other_run"
        here.snapshots[symbol] = snapshot
        if symbol not in here.ledgers and snapshot.position.position_amt == 0 and symbol not in here.reserved:
            here.ledgers[symbol] = Ledger(symbol=symbol, last_known_amt=Decimal(0))
            return "ledger_created"
        return "ok"

    def count_snapshot_errors(self, symbols: Iterable[str]) -> None:
        self.account.snapshot_errors.update(list(symbols))

    def put_markets(self, report: MarketReport, *, source: str, ts_ms: int) -> None:  # noqa: ARG002 - as above
        here = self.account
        here.markets.update({symbol: replace(rules, fetched_ms=ts_ms) for symbol, rules in report.markets.items()})
        for symbol in report.markets:
            here.market_problems.pop(symbol, None)
        for symbol, problem in report.invalid.items():
            here.markets.pop(symbol, None)
            here.market_problems[symbol] = problem


class MemoryVenue:
    """``ports.Venue``; counts its requests."""

    def __init__(self, account: MemoryAccount, positions: Mapping[str, str], rules: MarketRules) -> None:
        self.source = account.source
        self.positions = dict(positions)
        self.rules = rules
        self.invalid: dict[str, str] = {}
        self.failure: Exception | None = None
        self.account = ""
        self.requests: list[str] = []

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:  # noqa: ARG002 - the port's signature
        self.requests.append("positions")
        if self.failure is not None:
            raise self.failure
        found = {name: Position(symbol=name, position_amt=Decimal(amt)) for name, amt in self.positions.items()}
        return PositionReport(positions=found, invalid=self.invalid, account=self.account)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        self.requests.append("markets")
        return MarketReport(markets=dict.fromkeys(symbols, self.rules))
