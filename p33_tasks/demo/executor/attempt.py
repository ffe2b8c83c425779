"""Executes one plan, step by step.

1. The plan's journal is claimed; a plan_id has one journal, even if several stream entries name it.
2. Both permits are consumed, with a consume_id that the journal already contains.
3. The permit's quantity and side are written to the journal. The venue is queried for the order, because a Redis
   that lost its data may have lost the journal of a sent order. Then the right to send is taken, once per plan.
4. The order is sent with the plan's client order id, and is valid at the venue until ``place_before_ms`` only.
5. The result is published and the plan acknowledged in one script.

After a crash at any point the executor continues from the journal. In doubt it queries the venue and sends nothing:
once the right to send is taken, the order is never sent again. "Nothing was executed" is reported only if it is
certain: the venue refused the order, or nothing was sent. The outcome of an order that the venue doesn't find is
unknown: the executor searches by the client order id and, after the venue's read lag, in the account's trades and
position, too (``lost_orders``).
"""

from __future__ import annotations

import uuid

import structlog

from p33_tasks.abilities import OrderReport, Orders
from p33_tasks.apply import PermitClient, PermitRefused
from p33_tasks.apply.result import Outcome
from p33_tasks.contract.plans import is_emergency
from p33_tasks.contract.timing import PLACE_WINDOW_MS, READ_LAG_MS
from p33_tasks.demo.executor.case import SHORTEST_PAUSE_SEC, Case
from p33_tasks.demo.executor.journal import Journal, Permitted, Settled, State
from p33_tasks.demo.executor.lost_orders import LostOrder, LostOrders
from p33_tasks.demo.executor.reports import Report, log_fields, of_order, of_refusal, result_fields
from p33_tasks.demo.plan_reader import PlanEntry
from p33_tasks.domain.models import Plan
from p33_tasks.errors import (
    ExchangeBudgetSpentError,
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    OrderRejectedError,
    StoreError,
)
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import Venue

PERMIT_TIMEOUT_SEC = 1.2
EMERGENCY_PERMIT_TIMEOUT_SEC = 20.0
"""The verdict on an emergency close waits for a snapshot requested for it."""
GIVE_UP_MS = 600_000
"""After ``place_before_ms``: an outcome that is still unknown then is left to an operator."""

_NOTHING_WAS_EXECUTED = (
    OrderRejectedError,
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeRateLimitedError,
    ExchangeBudgetSpentError,
)

log = structlog.get_logger("p33.apply")


class Executor:
    """Executes plans, each attempt as far as possible. Thread-safe."""

    def __init__(
        self,
        *,
        journal: Journal,
        permits: PermitClient,
        orders: Orders,
        venue: Venue | None = None,
        read_lag_ms: int = READ_LAG_MS,
        permit_timeout_sec: float = PERMIT_TIMEOUT_SEC,
    ) -> None:
        self._journal = journal
        self._permits = permits
        self._orders = orders
        self._lost_orders = LostOrders(orders, venue)
        self._read_lag_ms = read_lag_ms
        self._permit_timeout_sec = permit_timeout_sec
        # By plan_id the token of an attempt to send that Redis didn't answer: nothing was sent. The thread that
        # repeats the attempt removes the token, so that only one thread repeats it.
        self._unanswered: dict[str, str] = {}
        # By plan_id a rejection that is not yet written to Redis; only this process knows it.
        self._unpublished: dict[str, Report] = {}

    def attempt(self, entry: PlanEntry, plan: Plan) -> float | None:
        """Execute a plan as far as possible now.

        Returns:
            Seconds until the next attempt, or None: its last result was published.

        Raises:
            StoreError: Redis is unavailable; try again later.
        """
        claim = self._journal.claim(plan, entry.entry_id)
        if claim is None or claim.state is State.CLAIMED:
            self._forget(plan.plan_id)
        if claim is None:
            return None
        case = Case(entry=entry, plan=plan, claim=claim)
        if claim.state is State.CLAIMED:
            return self._consume(case)
        known = self._unpublished.pop(plan.plan_id, None)
        if known is not None and known.consume_id == claim.consume_id:
            return self._reject(case, known.error)
        unanswered = self._unanswered.pop(plan.plan_id, "")
        may_send = claim.state is State.CONSUMED or (claim.state is State.SENDING and unanswered != "")
        if may_send and claim.permitted is not None:
            return self._send(case, claim.permitted, token=unanswered)
        return self._ask(case)

    def _forget(self, plan_id: str) -> None:
        """Drop this process's notes on a plan: it is done, or Redis was restored to a time before its consumption."""
        self._unpublished.pop(plan_id, None)
        self._unanswered.pop(plan_id, None)

    # --- steps ------------------------------------------------------------------------------------------------------

    def _consume(self, case: Case) -> float | None:
        plan, claim = case.plan, case.claim
        if case.entry.redelivered:
            # Redis may have lost the journal or its last steps, but the order may exist.
            try:
                order = self._find(case)
            except ExchangeError as error:
                log.warning(LogEvent.VENUE_NOT_ASKED, plan_id=plan.plan_id, error=str(error), note="asked again soon")
                return case.pause_sec
            if order is not None:
                return self._tell(case, of_order(order, claim.consume_id))
        if claim.consumption_on_record:
            # Consumed, but interrupted before the journal was written: nothing was or will be sent.
            why = "interrupted between permit and order; nothing was sent"
            return self._reject(case, why, only_from=State.CLAIMED)
        try:
            consumed = self._permits.wait_and_consume(
                plan.plan_id, plan.symbol, timeout_sec=self._timeout_sec(case), consume_id=claim.consume_id
            )
        except PermitRefused as refused:
            if isinstance(refused.__cause__, StoreError):
                raise refused.__cause__ from None
            return self._block(case, refused)
        if not self._journal.mark_consumed(plan, consumed):
            return SHORTEST_PAUSE_SEC
        return self._send(case, Permitted.of(consumed))

    def _timeout_sec(self, case: Case) -> float:
        if is_emergency(case.entry.fields):
            return max(self._permit_timeout_sec, EMERGENCY_PERMIT_TIMEOUT_SEC)
        return self._permit_timeout_sec

    def _send(self, case: Case, permitted: Permitted, token: str = "") -> float | None:
        plan, claim = case.plan, case.claim
        try:
            earlier = self._find(case)
            # Taken before the remaining time is read, so that the order's window never ends after place_before_ms,
            # even if this process freezes in between.
            window_start_ms = self._orders.clock_ms()
        except ExchangeError as error:
            log.warning(
                LogEvent.VENUE_NOT_ASKED, plan_id=plan.plan_id, error=str(error), note="nothing is sent unasked"
            )
            if token:
                self._unanswered[plan.plan_id] = token
            is_over = claim.place_before_ms is not None and case.after_deadline_ms >= 0
            return self._late(case) if is_over else SHORTEST_PAUSE_SEC
        if earlier is not None:
            # Redis lost this plan's journal, and the plan came again. A venue may accept a closed order's id again.
            return self._tell(case, of_order(earlier, claim.consume_id))
        token = token or uuid.uuid4().hex
        try:
            remaining = self._journal.mark_sending(plan, claim.consume_id, token)
            if remaining == "unsent":
                return self._reject(case, "Redis didn't answer in time; nothing was sent", only_from=State.SENDING)
        except StoreError:
            self._unanswered[plan.plan_id] = token
            raise
        if remaining == "late":
            return self._late(case)
        if isinstance(remaining, str):
            return SHORTEST_PAUSE_SEC
        return self._place(case, permitted, token, recv_window_ms=remaining, window_start_ms=window_start_ms)

    def _place(
        self, case: Case, permitted: Permitted, token: str, *, recv_window_ms: int, window_start_ms: int
    ) -> float | None:
        try:
            order = self._orders.place_reduce_only_market(
                symbol=case.plan.symbol,
                side=permitted.side,
                leg=permitted.leg,
                quantity=permitted.quantity,
                client_order_id=case.claim.client_order_id,
                recv_window_ms=recv_window_ms,
                window_start_ms=window_start_ms,
            )
        except _NOTHING_WAS_EXECUTED as error:
            return self._reject(case, str(error))
        except StoreError:  # from the request budget, which is read before anything is sent
            self._unanswered[case.plan.plan_id] = token
            raise
        except ExchangeError as error:
            log.warning(LogEvent.ORDER_UNKNOWN, plan_id=case.plan.plan_id, symbol=case.plan.symbol, error=str(error))
            return SHORTEST_PAUSE_SEC
        return self._tell(case, of_order(order, case.claim.consume_id))

    def _ask(self, case: Case) -> float | None:
        """Query the venue for an order that may have been sent; sends nothing.

        A venue with a partial outage may not find an order that it executed. So "not found" never becomes
        "rejected", no matter how late or where the order was searched.
        """
        consume_id = case.claim.consume_id
        try:
            order, error = self._find(case), "the venue doesn't find the order; it may have been executed"
        except ExchangeError as failure:
            order, error = None, str(failure)
        if order is not None:
            return self._tell(case, of_order(order, consume_id))
        if case.after_deadline_ms < 0:
            return case.pause_sec
        evidence = ""
        permitted = case.claim.permitted
        if case.after_deadline_ms >= self._read_lag_ms and permitted is not None:
            found = self._lost_orders.look(
                LostOrder(
                    symbol=case.plan.symbol,
                    client_order_id=case.claim.client_order_id,
                    permitted=permitted,
                    sent_ago_ms=case.after_deadline_ms + PLACE_WINDOW_MS,
                )
            )
            if found.order is not None:
                return self._tell(case, of_order(found.order, consume_id))
            evidence, error = found.kind, f"{error}; {found.text}"
        report = Report(outcome=Outcome.UNKNOWN, is_final=False, error=error, consume_id=consume_id, evidence=evidence)
        return self._tell(case, report)

    def _find(self, case: Case) -> OrderReport | None:
        return self._orders.fetch_order(case.plan.symbol, case.claim.client_order_id)

    # --- results ----------------------------------------------------------------------------------------------------

    def _block(self, case: Case, refused: PermitRefused) -> float | None:
        report = of_refusal(refused)
        return self._tell(case, report, only_from=State.CLAIMED, unless_consumed=case.claim.consume_id)

    def _late(self, case: Case) -> float | None:
        return self._reject(case, "too late to place the order; nothing was sent", only_from=State.CONSUMED)

    def _reject(self, case: Case, error: str, *, only_from: State | None = None) -> float | None:
        report = Report(outcome=Outcome.REJECTED, error=error, consume_id=case.claim.consume_id)
        try:
            return self._tell(case, report, only_from=only_from)
        except StoreError:
            if only_from in {None, State.SENDING}:  # the journal doesn't allow the report "nothing was executed"
                self._unpublished[case.plan.plan_id] = report
            raise

    def _tell(
        self, case: Case, report: Report, *, only_from: State | None = None, unless_consumed: str = ""
    ) -> float | None:
        still_open = State.OPEN if report.order is not None else case.claim.state
        gave_up = not report.is_final and case.after_deadline_ms >= GIVE_UP_MS
        ends = report.is_final or gave_up
        status = self._journal.settle(
            case.plan,
            case.entry.entry_id,
            result_fields(case.plan, report, now_ms=case.claim.now_ms),
            digest=report.digest,
            final=State.DONE if ends else still_open,
            only_from=() if only_from is None else (only_from,),
            unless_consumed=unless_consumed,
        )
        if status is Settled.PUBLISHED:
            log.info(LogEvent[report.outcome.name], **log_fields(case.plan, report))
        if gave_up:
            log.error(
                LogEvent.GAVE_UP,
                plan_id=case.plan.plan_id,
                symbol=case.plan.symbol,
                client_order_id=case.claim.client_order_id,
                note="look for this order at the venue, then compare the ledger: p33 ledger show",
            )
        if status in {Settled.MOVED, Settled.CONSUMED}:
            return SHORTEST_PAUSE_SEC
        return None if ends or status is Settled.DONE else case.pause_sec
