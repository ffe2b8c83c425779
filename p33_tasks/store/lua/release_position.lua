-- Ends the service's hold on a position, with an audit entry; also one that a plan of unknown outcome is about to set. An
-- operator's hold stays.
--
-- KEYS
--   service_hold_key  STRING: the service's hold, JSON
--   ledger_key        HASH: the position's ledger
--   audit_key         STREAM: operator and ledger events
-- ARGV
--   position        the position
--   why             for people
--   by              who ends it, for the audit
--   audit_maxlen    approximate maximum of entries in the audit stream
--   ledger_ttl_sec  the ledger's time to live
-- Returns {'released', the hold} | {'none'}

local wrong = expect(audit_key, 'stream')
if wrong then return wrong end

local found, unknown = type_of(service_hold_key), unknown_plan(ledger_key)
if found == 'none' and not unknown then return { 'none' } end
local hold = found == 'string' and redis.call('GET', service_hold_key) or '(a ' .. found .. ')'
if found == 'none' then hold = cjson.encode({ reason = OUTCOME_UNKNOWN, by = 'plan ' .. unknown }) end
redis.call('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*', 'event', 'service_hold_released', 'symbol', position,
  'by', by, 'why', why, 'hold', string.sub(hold, 1, 4000))
redis.call('DEL', service_hold_key)
-- A person has settled these plans: another result with an unknown outcome sets no hold for them.
local plans, read, known = { unknown }, pcall(cjson.decode, hold)
for _, one in ipairs(read and type(known) == 'table' and type(known.evidence) == 'table' and known.evidence or {}) do
  if type(one) == 'table' and one.reason == OUTCOME_UNKNOWN then plans[#plans + 1] = one.plan_id end
end
if plans[1] and not expect(ledger_key, 'hash') then
  for _, one in ipairs(released_plans(ledger_key)) do
    if #plans < MOST_EVIDENCE then plans[#plans + 1] = one end
  end
  redis.call('HSET', ledger_key, 'unknown_plan_id', '', 'unknown_released', cjson.encode(plans))
  redis.call('EXPIRE', ledger_key, ledger_ttl_sec)
end
return { 'released', hold }
