-- Reads everything a verdict rests on, at one moment. Writes nothing.
--
-- KEYS 1 decision  2 snapshot  3 ledger  4 hold  5 reservation  6 market
-- Returns {'decided'}  when a first verdict stands, or
--   {'facts', now_ms, run_id, hold, reserved_by, reservation_ttl_ms, snapshot, ledger, market}
--   where the last three are field values in the order below, or the name of the foreign type found there.

local wrong = expect(KEYS[1], 'string')
if wrong then return wrong end
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'decided' } end

local function fields(key, ...)
  local found = type_of(key)
  if found ~= 'none' and found ~= 'hash' then return found end
  return redis.call('HMGET', key, ...)
end

local reserved_by, ttl = false, -2
local held = type_of(KEYS[5])
if held == 'string' then
  reserved_by = redis.call('GET', KEYS[5])
  ttl = redis.call('PTTL', KEYS[5])
elseif held ~= 'none' then
  reserved_by = '(a ' .. held .. ')'
end

return {
  'facts',
  text(now_ms()),
  run_id(),
  redis.call('EXISTS', KEYS[4]),
  reserved_by,
  ttl,
  fields(KEYS[2], 'position_amt', 'ts_ms', 'ts_epoch', 'source', 'run_id', 'position_mode'),
  fields(KEYS[3], 'last_known_amt', 'last_order_time_ms', 'last_order_time_epoch', 'last_order_id'),
  fields(KEYS[6], 'step_size', 'min_qty', 'max_market_qty', 'source'),
}
