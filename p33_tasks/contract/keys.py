"""Every Redis key of this service, built in one place (CONTRACT section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.contract.positions import position_key
from p33_tasks.domain.models import Leg


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one trading account."""

    prefix: str = "quantum"

    # --- per position: a symbol, or one leg of it in hedge mode -------------------------------------------------------

    def snapshot(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """HASH: the exchange's position as last fetched; the symbol's own key shows the mode, in both modes."""
        return f"{self.prefix}:position:snapshot:{position_key(symbol, leg)}"

    def ledger(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """HASH: the ledger, our own record of the position."""
        return f"{self.prefix}:position:ledger:{position_key(symbol, leg)}"

    def reservation(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """STRING: the plan_id of the one outstanding allow."""
        return f"{self.prefix}:position:inflight:{position_key(symbol, leg)}"

    def service_hold(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """STRING, JSON, without a TTL: the service's own hold. Any value is a hold; an operator's is ``hold``."""
        return f"{self.prefix}:position:hold:{position_key(symbol, leg)}"

    def ledger_origin(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """STRING without a TTL: a ledger existed; fetch time (ms) of the snapshot that it began with, or 0."""
        return f"{self.prefix}:p33:ledger_origin:{position_key(symbol, leg)}"

    def adaptive_limits(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """HASH with a TTL of minutes: the cooldown that this service lengthened."""
        return f"{self.prefix}:p33:limits:adaptive:{position_key(symbol, leg)}"

    def watermark(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """HASH: time and amounts at which exchange and ledger were last equal, and which trades both contain."""
        return f"{self.prefix}:p33:watermark:{position_key(symbol, leg)}"

    def resting(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """HASH with a TTL of minutes: the resting orders that reduce the position, as last read."""
        return f"{self.prefix}:p33:resting:{position_key(symbol, leg)}"

    def reconcile_case(self, symbol: str, leg: Leg = Leg.BOTH) -> str:
        """HASH: what reconciliation has tried for this position so far."""
        return f"{self.prefix}:p33:reconcile:{position_key(symbol, leg)}"

    # --- per symbol -------------------------------------------------------------------------------------------------

    def hold(self, symbol: str) -> str:
        """STRING: a hold of an operator or another program; any value holds the symbol. The service never sets it."""
        return f"{self.prefix}:reconcile:hold:{symbol}"

    def fills(self, symbol: str) -> str:
        """HASH, the fills memory: order id to the cumulative quantity already applied."""
        return f"{self.prefix}:p33:fills:{symbol}"

    def fill_times(self, symbol: str) -> str:
        """ZSET: order ids by the time of their last record, to remove orders after 7 days."""
        return f"{self.prefix}:p33:fill_times:{symbol}"

    def orders(self, symbol: str) -> str:
        """HASH: order id to JSON: first plan that named it, side, breaches counted; kept as long as its fill."""
        return f"{self.prefix}:p33:orders:{symbol}"

    def trades(self, symbol: str) -> str:
        """HASH: ids of applied trades that belong to no order."""
        return f"{self.prefix}:p33:trades:{symbol}"

    def market(self, symbol: str) -> str:
        """HASH: the venue's step size, minimum and maximum for market orders."""
        return f"{self.prefix}:p33:market:{symbol}"

    def limits(self, symbol: str) -> str:
        """HASH: an operator's limits; the service never writes it."""
        return f"{self.prefix}:limits:{symbol}"

    def statistics(self, symbol: str) -> str:
        """STRING, JSON, with a TTL of two days: statistics of the symbol's snapshots over time."""
        return f"{self.prefix}:p33:statistics:{symbol}"

    # --- per plan ---------------------------------------------------------------------------------------------------

    @property
    def permit_prefix(self) -> str:
        """Prefix of the ``permit`` keys: a script that sets a hold appends the reserved plan's id."""
        return f"{self.prefix}:permit:p33:"

    def permit(self, plan_id: str) -> str:
        """STRING, JSON: the single-use permit."""
        return f"{self.permit_prefix}{plan_id}"

    def decision(self, plan_id: str) -> str:
        """STRING, JSON: the plan's verdict, kept for a day so that there is no second one."""
        return f"{self.prefix}:p33:decision:{plan_id}"

    def consumed(self, plan_id: str) -> str:
        """HASH: who consumed the permit and until when its order may be placed; kept for a day."""
        return f"{self.prefix}:p33:consumed:{plan_id}"

    def executed(self, plan_id: str) -> str:
        """STRING, JSON: executed quantity per order of the plan; kept for 7 days."""
        return f"{self.prefix}:p33:executed:{plan_id}"

    def prepared(self, symbol: str, leg: Leg, factor: str) -> str:
        """STRING, JSON, kept for the maximum snapshot age: the allow that a plan to close this part would get."""
        return f"{self.prefix}:p33:prepared:{position_key(symbol, leg)}:{factor}"

    # --- streams ----------------------------------------------------------------------------------------------------

    @property
    def plans(self) -> str:
        """STREAM: plans to judge."""
        return f"{self.prefix}:stream:apply.plan"

    @property
    def results(self) -> str:
        """STREAM: results of executors."""
        return f"{self.prefix}:stream:apply.result"

    @property
    def forecasts(self) -> str:
        """STREAM: forecasts of plans."""
        return f"{self.prefix}:stream:apply.forecast"

    @property
    def dead_letters(self) -> str:
        """STREAM: entries that can't be read."""
        return f"{self.prefix}:stream:p33.deadletter"

    @property
    def decisions(self) -> str:
        """STREAM: every verdict with all its inputs."""
        return f"{self.prefix}:stream:p33.decision"

    @property
    def position_changes(self) -> str:
        """STREAM: each change of a position's amount, as snapshots show it."""
        return f"{self.prefix}:stream:p33.position"

    @property
    def warnings(self) -> str:
        """STREAM: warnings about likely plans that would be denied."""
        return f"{self.prefix}:stream:p33.warning"

    @property
    def audit(self) -> str:
        """STREAM: ledgers created, adopted and replaced, holds set and cleared."""
        return f"{self.prefix}:stream:p33.audit"

    @property
    def reconcile_events(self) -> str:
        """STREAM: what reconciliation found and did."""
        return f"{self.prefix}:stream:p33.reconcile"

    # --- of the service ---------------------------------------------------------------------------------------------

    @property
    def counters(self) -> str:
        """HASH: every counter and histogram, ``name|label|label`` to an integer."""
        return f"{self.prefix}:p33:counters"

    @property
    def epoch(self) -> str:
        """STRING without a TTL: random text, part of every ``life``; missing after the store was emptied."""
        return f"{self.prefix}:p33:epoch"

    @property
    def refresh(self) -> str:
        """HASH: which task makes this tick's bulk request, and when the last one began and ended."""
        return f"{self.prefix}:p33:refresh"

    @property
    def forecasts_read(self) -> str:
        """STRING: id of the newest forecast read; errors in forecasts up to it are counted already."""
        return f"{self.prefix}:p33:forecasts_read"

    @property
    def forecast_lease(self) -> str:
        """STRING with a short TTL: the token of the forecaster of this account."""
        return f"{self.prefix}:p33:forecast:lease"

    @property
    def forecast_state(self) -> str:
        """STRING, JSON: what the model has learned."""
        return f"{self.prefix}:p33:forecast:state"

    @property
    def forecast_state_damaged(self) -> str:
        """STRING with a TTL of a week: a copy of a state that could not be read."""
        return f"{self.prefix}:p33:forecast:state:damaged"

    @property
    def forecast_status(self) -> str:
        """STRING, JSON, with a TTL of a day: quality of the forecasts, and current warnings."""
        return f"{self.prefix}:p33:forecast:status"

    @property
    def refresh_wish(self) -> str:
        """STRING with a TTL of a poll period: when (ms) the forecaster requested a refresh before the next tick."""
        return f"{self.prefix}:p33:forecast:wish"

    @property
    def budget(self) -> str:
        """HASH: request weight used in this minute, and the venue's pause."""
        return f"{self.prefix}:p33:budget"

    @property
    def resting_reading(self) -> str:
        """HASH: when the account's open orders were last requested, and the outcome."""
        return f"{self.prefix}:p33:resting_reading"

    @property
    def notified(self) -> str:
        """STRING: id of the last reconciliation event that was claimed for a notification."""
        return f"{self.prefix}:p33:notified"

    @property
    def reconcile_budget(self) -> str:
        """HASH: request weight that reconciliation used in this minute."""
        return f"{self.prefix}:p33:reconcile_budget"

    @property
    def reconcile_lease(self) -> str:
        """STRING with a short TTL: the task that reconciles now; one at a time per account."""
        return f"{self.prefix}:p33:reconcile_lease"

    @property
    def first_seen(self) -> str:
        """HASH: entry id to TIME (ms) at its first reading, for ids more than a second ahead of TIME."""
        return f"{self.prefix}:p33:first_seen"

    @property
    def results_first_seen(self) -> str:
        """HASH: as ``first_seen``, for the results' stream: two streams can contain the same id."""
        return f"{self.prefix}:p33:first_seen:results"

    @property
    def entry_copy_prefix(self) -> str:
        """Prefix of the ``entry_copy`` keys: a script that reads entries appends their ids."""
        return f"{self.prefix}:p33:entry:"

    def entry_copy(self, entry_id: str) -> str:
        """STRING: a result's fields until it is recorded, since the producer may trim the stream."""
        return f"{self.entry_copy_prefix}{entry_id}"

    def consumer_lease(self, consumer: str) -> str:
        """STRING with a short TTL: an ingest process uses this consumer name."""
        return f"{self.prefix}:p33:consumer:{consumer}"

    # --- the governor -------------------------------------------------------------------------------------------------

    def governor_permit(self, plan_id: str, template: str = "{prefix}:permit:governor:{plan_id}") -> str:
        """The governor's permit; a template, because its name differs between deployments."""
        return template.replace("{prefix}", self.prefix).replace("{plan_id}", plan_id)


GROUP = "p33"
"""The consumer group on both streams."""
WAITING = "waiting"
"""Consumer for results that can't be recorded now: no process reads under this name, and it fills no window."""
