-- The fills memory: order id to the quantity applied. Shared by the scripts; needs _prelude.lua.
-- `memory` has the keys `fills` (quantity by order id), `times` (when each was recorded) and `orders` (their records).

local function remember_order(memory, id, quantity, record, now)
  redis.call('HSET', memory.fills, id, quantity)
  redis.call('HSET', memory.orders, id, record)
  redis.call('ZADD', memory.times, text(now), id)
end

-- Removes orders recorded until a time, at most a hundred.
local function forget_orders(memory, until_ms)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', memory.times, '-inf', text(until_ms), 'LIMIT', 0, 100)) do
    redis.call('HDEL', memory.fills, id)
    redis.call('HDEL', memory.orders, id)
    redis.call('ZREM', memory.times, id)
  end
end

local function keep_orders(memory, ttl_sec)
  redis.call('EXPIRE', memory.fills, ttl_sec)
  redis.call('EXPIRE', memory.orders, ttl_sec)
  redis.call('EXPIRE', memory.times, ttl_sec)
end
