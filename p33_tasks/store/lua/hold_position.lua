-- Holds a position because of a drift, once for the same facts.
--
-- KEYS
--   lease_key        STRING: who reconciles now
--   hold_key         STRING: why the position is held, by this service
--   ledger_key       HASH: the position's ledger
--   reservation_key  STRING: the plan that holds the position
--   case_key         HASH: what was tried so far
--   audit_key        STREAM: operator and ledger events
--   events_key       STREAM: what reconciliation found and did
--   counters_key     HASH: counters
-- ARGV
--   token           of the claim
--   label           the position, for counters
--   base_amt        the ledger's amount that the decision rests on
--   reserved_by     the plan that held the position then ('' for none)
--   permit_prefix   what the keys of permits begin with
--   reason          why, a word
--   ends            what ends it, a word
--   evidence_json   what the reason rests on: an object with an id
--   audit_maxlen    about how many entries the audit stream keeps
--   case_ttl_sec    how long what was tried is kept
--   events_maxlen   about how many events are kept
--   event_id        the name of these facts
--   event_json      the event's other fields, a JSON object of texts
--   next_ms         not read again before this Redis time
-- Returns {'held'} | {'known'}: held for these facts before, or held already | {'moved'} | {'lost'} | {'wrong_type', ...}

local wrong = expect(ledger_key, 'hash') or expect(reservation_key, 'string') or expect(case_key, 'hash')
  or expect(audit_key, 'stream') or expect(events_key, 'stream') or expect(counters_key, 'hash')
  or expect(lease_key, 'string')
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'lost' } end
if (redis.call('HGET', ledger_key, 'last_known_amt') or '') ~= base_amt then return { 'moved' } end
if (redis.call('GET', reservation_key) or '') ~= reserved_by then return { 'moved' } end

-- A person who released it knows these facts. A position that is held for another reason is held.
if redis.call('HGET', case_key, 'held_id') == event_id or redis.call('EXISTS', hold_key) == 1 then
  redis.call('HSET', case_key, 'next_ms', next_ms)
  redis.call('EXPIRE', case_key, case_ttl_sec)
  return { 'known' }
end

local flat = { 'event_id', event_id, 'event', 'held' }
for name, value in pairs(cjson.decode(event_json)) do
  flat[#flat + 1] = name
  flat[#flat + 1] = value
end
redis.call('XADD', events_key, 'MAXLEN', '~', events_maxlen, '*', unpack(flat))
set_service_hold({
  hold = hold_key,
  reservation = reservation_key,
  audit = audit_key,
  permit_prefix = permit_prefix,
  position = label,
  reason = reason,
  ends = ends,
  evidence_json = evidence_json,
  audit_maxlen = audit_maxlen,
})
redis.call('HSET', case_key, 'next_ms', next_ms, 'held_id', event_id)
redis.call('HDEL', case_key, 'agreed', 'agreed_ms', 'unconfirmed_ms', 'unconfirmed_id')
redis.call('EXPIRE', case_key, case_ttl_sec)
count(counters_key, 'p33_reconcile_total|' .. label .. '|held')
return { 'held' }
