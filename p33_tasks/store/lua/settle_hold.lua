-- Counts a snapshot that equals the ledger exactly; after enough consecutive ones the service's hold ends.
--
-- KEYS
--   lease_key        STRING: token of the task that reconciles
--   hold_key         STRING: the service's hold on the position
--   symbol_snapshot_key  HASH: the symbol's snapshot, which shows the mode
--   snapshot_key     HASH: the position's snapshot
--   ledger_key       HASH: the position's ledger
--   reservation_key  STRING: plan_id of the position's reservation
--   case_key         HASH: earlier readings and tries
--   epoch_key        STRING: the store's epoch, part of its life
--   audit_key        STREAM: operator and ledger events
--   events_key       STREAM: events of reconciliation
--   counters_key     HASH: counters
-- ARGV
--   token          the claim's token
--   label          the position, for counters
--   position_side  which of the symbol's positions
--   expected_hold  the hold to end: another one stays
--   needed         number of different snapshots
--   audit_maxlen   approximate maximum of entries in the audit stream
--   case_ttl_sec   time to live of the case
--   events_maxlen  approximate maximum of events
--   event_id       the event's id
--   event_json     the event's other fields, a JSON object of texts
-- Returns {'agreed', how many} | {'released'} | {'differs'} | {'lost'} | {'wrong_type', ...}

local wrong = expect(symbol_snapshot_key, 'hash') or expect(snapshot_key, 'hash') or expect(ledger_key, 'hash') or expect(reservation_key, 'string')
  or expect(case_key, 'hash') or expect(hold_key, 'string') or expect(events_key, 'stream') or expect(counters_key, 'hash')
  or expect(audit_key, 'stream') or expect(lease_key, 'string')
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'lost' } end

local s = redis.call('HMGET', snapshot_key, 'position_amt', 'ts_ms', 'life')
local current_life = life(epoch_key)
-- Counted for the hold as stored: if its reasons changed, the count begins anew.
local of_hold = redis.sha1hex(expected_hold)
local agrees = s[1] and s[1] == redis.call('HGET', ledger_key, 'last_known_amt') and current_life ~= ''
  and s[3] == current_life and redis.call('EXISTS', reservation_key) == 0
  and redis.call('GET', hold_key) == expected_hold
  and is_of_mode(position_side, symbol_snapshot_key, s[2], s[3])
if not agrees then
  redis.call('HDEL', case_key, 'agreed', 'agreed_ms', 'agreed_life', 'agreed_hold')
  return { 'differs' }
end
local c = redis.call('HMGET', case_key, 'agreed', 'agreed_ms', 'agreed_life', 'agreed_hold')
local agreed = c[3] == current_life and c[4] == of_hold and whole(c[1]) or 0
if agreed == 0 or c[2] ~= s[2] then agreed = agreed + 1 end
if agreed < tonumber(needed) then
  redis.call('HSET', case_key, 'agreed', text(agreed), 'agreed_ms', s[2], 'agreed_life', current_life, 'agreed_hold', of_hold)
  redis.call('EXPIRE', case_key, case_ttl_sec)
  return { 'agreed', agreed }
end
local flat = { 'event_id', event_id, 'event', 'released' }
for name, value in pairs(cjson.decode(event_json)) do
  flat[#flat + 1] = name
  flat[#flat + 1] = value
end
redis.call('XADD', events_key, 'MAXLEN', '~', events_maxlen, '*', unpack(flat))
-- pcall: the hold is over, even if the audit's ids are used up.
redis.pcall('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*', 'event', 'service_hold_released', 'symbol', label,
  'by', 'p33', 'why', 'ledger and exchange agree', 'hold', string.sub(expected_hold, 1, 4000))
redis.call('DEL', hold_key)
redis.call('HDEL', case_key, 'agreed', 'agreed_ms', 'agreed_life', 'agreed_hold', 'held_id')
count(counters_key, 'p33_reconcile_total|' .. label .. '|released')
return { 'released' }
