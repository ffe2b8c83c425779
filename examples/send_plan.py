"""Propose a plan: ``python examples/send_plan.py PLAN_ID SYMBOL ACTION``, e.g. ``mine-1 BTCUSDT CLOSE_PARTIAL_50``."""

import os
import sys

import redis

try:
    _, plan_id, symbol, action = sys.argv
except ValueError:
    sys.exit(__doc__)
url = os.environ.get("P33_REDIS_URL") or sys.exit("P33_REDIS_URL is not set: source the demo.env that `make up` names")
stream = f"{os.environ.get('P33_KEY_PREFIX', 'quantum')}:stream:apply.plan"
plan = {"plan_id": plan_id, "symbol": symbol, "action": action, "decision": "EXECUTE", "reduceOnly": "true"}
try:
    print(redis.Redis.from_url(url, decode_responses=True).xadd(stream, dict(plan)))
except (redis.ConnectionError, redis.TimeoutError) as error:
    sys.exit(f"Redis: {error}")
