"""A small executor: read plans, consume both permits, send one reduce-only order each, publish what happened.

Needs redis-py and ``p33_tasks.apply`` only. Settings as the workers have them (``P33_REDIS_URL``, ``P33_KEY_PREFIX``,
…), and of the venue ``P33_EXCHANGE_BASE_URL``, ``BINANCE_API_KEY``, ``BINANCE_API_SECRET``. Against the demo::

    make up ARGS="--no-producer --no-executor"     # names a file, demo.env
    ( set -a; . /tmp/p33-up-…/demo.env; .venv/bin/python examples/executor.py )     # in another terminal

It shows the calls, and isn't made for money: a plan that a crash interrupted is left to a person.
"""

import contextlib
import hashlib
import os
import sys
from decimal import Decimal

import redis
from binance_order import OrderRefusedError, place_order

from p33_tasks.apply import ConfigurationError, Consumed, ExecutedOrder, PermitClient, PermitRefused, StoreError

WAIT_SEC = {"EXECUTE": 1.2, "RECONCILE_CLOSE": 20.0}
"""For the permit, per decision; the second is `p33 emergency-close`, judged by a snapshot that is requested for it."""
NEEDED = ("P33_REDIS_URL", "BINANCE_API_KEY", "BINANCE_API_SECRET")


def handle(permits: PermitClient, plan: dict[str, str]) -> None:
    """Take one plan to its end."""
    plan_id, symbol = plan["plan_id"], plan["symbol"]
    try:
        permit = permits.wait_and_consume(plan_id, symbol, WAIT_SEC[plan["decision"]])
    except PermitRefused as refused:  # no order, whatever the reason is
        print(f"{plan_id} {symbol}: no order, {refused.error} {refused.reason}", flush=True)
        permits.publish_result(plan_id, symbol, "blocked", error=refused.error, reason=refused.reason)
        return
    try:
        order = place_order(client_order_id=f"my-{digest(plan_id)}", **order_of(symbol, permit))
    except OrderRefusedError as error:  # the venue's own refusal: nothing was executed
        permits.publish_result(plan_id, symbol, "rejected", consume_id=permit.consume_id, error=str(error))
    except OSError as error:  # a time-out, a 5xx: it may have been executed; ask the venue, never send again
        permits.publish_result(plan_id, symbol, "unknown", consume_id=permit.consume_id, error=str(error))
    else:
        done = ExecutedOrder(
            order_id=order["orderId"],
            side=permit.order_side,
            executed_qty=order["executedQty"],
            position_side=permit.position_side,
            status=order["status"],
        )
        is_over = order["status"] in {"FILLED", "EXPIRED", "CANCELED"}  # else more of it may follow
        outcome = "executed" if is_over and Decimal(order["executedQty"]) else "unknown"
        print(f"{plan_id} {symbol}: {permit.order_side} {order['executedQty']}, {order['status']}", flush=True)
        permits.publish_result(plan_id, symbol, outcome, orders=[done], consume_id=permit.consume_id)


def order_of(symbol: str, permit: Consumed) -> dict[str, str]:
    """The order that a permit stands for: its quantity and side, and in hedge mode its leg instead of a flag."""
    reducing = {"reduceOnly": "true"} if permit.position_side == "BOTH" else {"positionSide": permit.position_side}
    return {"symbol": symbol, "side": permit.order_side, "quantity": format(permit.safe_close_qty, "f"), **reducing}


def digest(plan_id: str) -> str:
    """A client order id from the plan id: the same plan never gets a second order while the first is open."""
    return hashlib.sha256(plan_id.encode()).hexdigest()[:32]


def read_plans() -> None:
    """Read plans with a consumer group of our own, until somebody ends this."""
    stream = f"{os.environ.get('P33_KEY_PREFIX', 'quantum')}:stream:apply.plan"
    client = redis.Redis.from_url(os.environ["P33_REDIS_URL"], decode_responses=True)
    with contextlib.suppress(redis.ResponseError):  # it exists; plans that came meanwhile are read, and are too old
        client.xgroup_create(stream, "my-executor", id="$", mkstream=True)
    with PermitClient.from_env() as permits:
        print("reading plans", flush=True)
        while True:
            for _, entries in client.xreadgroup("my-executor", "one", {stream: ">"}, count=10, block=1000) or []:
                for entry_id, plan in entries:
                    if plan.get("decision") in WAIT_SEC:
                        handle(permits, plan)
                    client.xack(stream, "my-executor", entry_id)


def main() -> None:
    """End with a sentence: a setting is missing, Redis is away, or Ctrl-C."""
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        sys.exit(f"not set: {', '.join(missing)}; source the demo.env that `make up` names")
    try:
        read_plans()
    except KeyboardInterrupt:
        sys.exit(130)
    except ConfigurationError as error:
        sys.exit(str(error))
    except (redis.ConnectionError, redis.TimeoutError, StoreError) as error:
        sys.exit(f"Redis: {error}. Was a plan being handled? Then ask the venue for its order; never send it again")


if __name__ == "__main__":
    main()
