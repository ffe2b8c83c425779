"""The services of this process, built from the settings on first use and never shared across a fork.

A client created before a fork shares its socket with every child, so that children read each other's answers.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cache, cached_property

import redis

from p33_tasks.bootstrap.apprise_sender import AppriseSender
from p33_tasks.contract.emergency import EmergencyProof
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.timing import consumed_ms
from p33_tasks.domain.reconciling import Mode
from p33_tasks.ports import RequestBudget, ResultReader, Venue
from p33_tasks.services.adapt_limits import AdaptiveService
from p33_tasks.services.issue_permit import PermitService
from p33_tasks.services.notify import NotifyService
from p33_tasks.services.position_case import ReconcilePolicy
from p33_tasks.services.prepare_permits import PreparationService
from p33_tasks.services.promote_prepared import PromotionService
from p33_tasks.services.read_history import HistoryReader, ReadsHistory
from p33_tasks.services.read_resting import ReadsResting, RestingService
from p33_tasks.services.reconcile import ReconcileService
from p33_tasks.services.record_fill import ResultService
from p33_tasks.services.refresh_snapshot import SnapshotService
from p33_tasks.settings import Settings, load_settings
from p33_tasks.store.adaptive import RedisAdaptiveStore
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.connection import connect
from p33_tasks.store.dead_letters import RedisDeadLetters
from p33_tasks.store.drift_budget import WEIGHT_PER_MINUTE, ReconcileBudget
from p33_tasks.store.entries import RedisEntries
from p33_tasks.store.notifications import RedisNotifications
from p33_tasks.store.prepared import RedisPreparedStore
from p33_tasks.store.reconciliation import RedisReconcileStore
from p33_tasks.store.resting import RedisRestingStore
from p33_tasks.store.results import RedisResultStore
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from p33_tasks.store.verdicts import RedisVerdictStore
from p33_tasks.venues.build import build_venue, venue_entry, venue_source


@dataclass(frozen=True)
class Runtime:
    """The services of one process; each is built at its first use."""

    settings: Settings

    @cached_property
    def keys(self) -> Keys:
        """The keys of this trading account."""
        return Keys(self.settings.key_prefix)

    @cached_property
    def client(self) -> redis.Redis:
        """This process's connections to the state store."""
        return connect(self.settings.state_url)

    @cached_property
    def source(self) -> str:
        """Venue and host that snapshots must come from; known without importing ccxt."""
        s = self.settings
        return venue_source(s.exchange, s.testnet, s.exchange_base_url)

    @cached_property
    def dead_letters(self) -> RedisDeadLetters:
        """The store of unreadable entries."""
        return RedisDeadLetters(self.client, self.keys)

    @cached_property
    def entries(self) -> RedisEntries:
        """The streams, as the ingest reads them."""
        return RedisEntries(self.client, self.keys)

    @cached_property
    def verdicts(self) -> RedisVerdictStore:
        """The store of verdicts."""
        s = self.settings
        signing_key = s.permit_signing_key.get_secret_value() if s.permit_signing_key else None
        return RedisVerdictStore(self.client, self.keys, source=self.source, signing_key=signing_key)

    @cached_property
    def permits(self) -> PermitService:
        """Judges plans."""
        s = self.settings
        key = s.reconcile_key.get_secret_value() if s.reconcile_key else None
        proof = EmergencyProof(prefix=self.keys.prefix, key=key)
        return PermitService(self.verdicts, self.dead_letters, s.policy, emergency=proof)

    @cached_property
    def preparation(self) -> PreparationService | None:
        """Prepares verdicts; None if ``P33_PREPARE`` is off, or permits are signed (which covers the final bytes)."""
        s = self.settings
        if not s.prepares:
            return None
        store = RedisPreparedStore(self.client, self.keys)
        return PreparationService(store, self.verdicts, s.policy, source=self.source, most=s.prepare_max)

    @cached_property
    def promotion(self) -> PromotionService | None:
        """Issues prepared verdicts; None as ``preparation``."""
        s = self.settings
        return PromotionService(self.verdicts, s.policy, source=self.source) if s.prepares else None

    @property
    def result_reader(self) -> ResultReader | None:
        """Reads the venue's own orders in results."""
        return venue_entry(self.settings.exchange).results

    @cached_property
    def results(self) -> ResultService:
        """Records results."""
        policy = self.settings.policy
        store = RedisResultStore(
            self.client,
            self.keys,
            allowlist=policy.allowlist,
            permit_ttl_ms=policy.permit_ttl_ms,
            hold_on_breach=self.settings.hold_on_breach,
        )
        return ResultService(store, market_refusals=self.settings.venue.errors.market_refused)

    @cached_property
    def adaptive(self) -> AdaptiveService | None:
        """Lengthens cooldowns; None in ``P33_COOLDOWN_MODE=fixed``."""
        s = self.settings
        if s.cooldown_mode == "fixed":
            return None
        store = RedisAdaptiveStore(self.client, self.keys)
        return AdaptiveService(store, s.policy, source=self.source, symbols=s.allowlist, max_ms=s.cooldown_max_ms)

    @property
    def refresh_times(self) -> RefreshTimes:
        """The time limits of one bulk refresh."""
        policy, venue = self.settings.policy, self.settings.venue
        ticks = math.ceil(venue.weight_per_minute(policy.poll_ms))
        return RefreshTimes(
            poll_ms=policy.poll_ms,
            cooldown_ms=policy.cooldown_ms,
            markets_ms=self.settings.venue.markets_period_ms,
            read_lag_ms=policy.read_lag_ms,
            longest_reservation_ms=max(policy.permit_ttl_ms + policy.cooldown_ms, consumed_ms(policy.read_lag_ms)),
            permit_ttl_ms=policy.permit_ttl_ms,
            request_weight=venue.refresh_weight,
            spare_weight=venue.requests.own_weight_per_minute - ticks,
        )

    @cached_property
    def snapshots(self) -> SnapshotService:
        """Refreshes positions."""
        s = self.settings
        store = RedisSnapshotStore(
            self.client, self.keys, allowlist=s.allowlist, times=self.refresh_times, bootstrap=s.ledger_bootstrap
        )
        return SnapshotService(self._venue(self._budget(s.venue.requests.own_weight_per_minute)), store, s.allowlist)

    @cached_property
    def reconcile_store(self) -> RedisReconcileStore:
        """The store of reconciliation."""
        ids = self.settings.venue.client_order_ids
        return RedisReconcileStore(
            self.client,
            self.keys,
            own_prefix=self.settings.order_prefix,
            max_id_chars=ids.max_chars,
            hold_on_breach=self.settings.hold_on_breach,
        )

    @cached_property
    def reconciler(self) -> ReconcileService | None:
        """Explains and repairs drifts; None if it is off, or if the venue's trades can't be read."""
        s = self.settings
        if s.reconcile_mode is Mode.OFF:
            return None
        budget = ReconcileBudget(
            RedisRequestBudget(
                self.client, self.keys, own_weight=WEIGHT_PER_MINUTE, venue_weight=WEIGHT_PER_MINUTE, is_reconcile=True
            ),
            self._budget(self._left_by_refreshes),
        )
        venue = self._venue(budget)
        if not isinstance(venue, ReadsHistory):
            return None
        policy = ReconcilePolicy(mode=s.reconcile_mode, external=s.reconcile_external, limits=s.policy)
        reader = HistoryReader(venue, self.reconcile_store)
        return ReconcileService(reader, self.reconcile_store, budget, policy)

    @cached_property
    def resting_store(self) -> RedisRestingStore:
        """The store of resting orders."""
        return RedisRestingStore(self.client, self.keys)

    @cached_property
    def resting(self) -> RestingService | None:
        """Reads the account's open orders, with the request weight that refreshes leave; None if they aren't used."""
        s = self.settings
        venue = self._venue(self._budget(self._left_by_refreshes)) if s.subtract_resting else None
        return RestingService(venue, self.resting_store, s.allowlist) if isinstance(venue, ReadsResting) else None

    @cached_property
    def notifier(self) -> NotifyService | None:
        """Sends notifications of reconciliation's events; None if no address is set."""
        routes = self.settings.notify_routes
        store = RedisNotifications(self.client, self.keys)
        return NotifyService(store, AppriseSender(), routes, account=self.keys.prefix) if routes else None

    @property
    def _left_by_refreshes(self) -> int:
        """The request weight per minute that refreshes leave."""
        s = self.settings
        return max(s.venue.requests.own_weight_per_minute - math.ceil(s.venue.weight_per_minute(s.policy.poll_ms)), 0)

    def _venue(self, budget: RequestBudget) -> Venue:
        s = self.settings
        api_key, api_secret = s.api_credentials
        return build_venue(
            exchange_id=s.exchange,
            api_key=api_key.get_secret_value() if api_key else None,
            api_secret=api_secret.get_secret_value() if api_secret else None,
            password=s.venue_api_password.get_secret_value() if s.venue_api_password else None,
            testnet=s.testnet,
            base_url=s.exchange_base_url,
            budget=budget,
        )

    def _budget(self, own_weight: int) -> RedisRequestBudget:
        venue_weight = self.settings.venue.requests.stop_at_weight
        return RedisRequestBudget(self.client, self.keys, own_weight=own_weight, venue_weight=venue_weight)


@cache
def settings() -> Settings:
    """This process's configuration, read once.

    Raises:
        ConfigurationError: Lists every problem.
    """
    return load_settings()


_runtimes: dict[int, Runtime] = {}


def runtime() -> Runtime:
    """The services of this process (never those of its parent)."""
    pid = os.getpid()
    found = _runtimes.get(pid)
    if found is None:
        _runtimes.clear()  # the parent's, inherited by fork: its sockets must not be used here
        found = _runtimes[pid] = Runtime(settings())
    return found
