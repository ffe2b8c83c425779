"""Propose a plan: ``python examples/send_plan.py PLAN_ID SYMBOL ACTION``, e.g. ``mine-1 BTCUSDT CLOSE_PARTIAL_50``."""

import os
import sys

import redis

plan_id, symbol, action = sys.argv[1:4]
stream = f"{os.environ.get('P33_KEY_PREFIX', 'quantum')}:stream:apply.plan"
plan = {"plan_id": plan_id, "symbol": symbol, "action": action, "decision": "EXECUTE", "reduceOnly": "true"}
print(redis.Redis.from_url(os.environ["P33_REDIS_URL"], decode_responses=True).xadd(stream, dict(plan)))
