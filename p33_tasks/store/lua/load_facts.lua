-- Reads everything a verdict rests on, at one moment. Writes nothing.
--
-- KEYS
--   decision_key     STRING: the plan's decision
--   snapshot_key     HASH: the symbol's snapshot
--   ledger_key       HASH: the symbol's ledger
--   hold_key         STRING: why the symbol is held
--   reservation_key  STRING: the plan that holds the symbol
--   market_key       HASH: the symbol's market rules
--   epoch_key        STRING: our mark on this store's life
-- Returns {'decided'}  when a first verdict stands, or
--   {'facts', now_ms, run_id, life, hold, reserved_by, reservation_ttl_ms, snapshot, ledger, market}
--   where the last three are field values in the order of their lists of fields, or the name of the foreign type found.

local wrong = expect(decision_key, 'string')
if wrong then return wrong end
if redis.call('EXISTS', decision_key) == 1 then return { 'decided' } end

local function fields(key, names)
  local found = type_of(key)
  if found ~= 'none' and found ~= 'hash' then return found end
  return redis.call('HMGET', key, unpack(names))
end

local reserved_by, ttl = false, -2
local held = type_of(reservation_key)
if held == 'string' then
  reserved_by = redis.call('GET', reservation_key)
  ttl = redis.call('PTTL', reservation_key)
elseif held ~= 'none' then
  reserved_by = '(a ' .. held .. ')'
end

return {
  'facts',
  text(now_ms()),
  run_id(),
  life(epoch_key),
  redis.call('EXISTS', hold_key),
  reserved_by,
  ttl,
  fields(snapshot_key, SNAPSHOT_FIELDS),
  fields(ledger_key, LEDGER_FIELDS),
  fields(market_key, MARKET_FIELDS),
}
