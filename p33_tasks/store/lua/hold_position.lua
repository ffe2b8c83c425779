-- Holds a position because of a drift, once for the same facts.
--
-- KEYS
--   lease_key        STRING: token of the task that reconciles
--   hold_key         STRING: the service's hold on the position
--   ledger_key       HASH: the position's ledger
--   reservation_key  STRING: plan_id of the position's reservation
--   case_key         HASH: earlier readings and tries
--   audit_key        STREAM: operator and ledger events
--   events_key       STREAM: events of reconciliation
--   counters_key     HASH: counters
-- ARGV
--   token           the claim's token
--   label           the position, for counters
--   base_amt        the ledger's amount in the decision
--   reserved_by     plan_id of the reservation at that time ('' for none)
--   permit_prefix   prefix of the permits' keys
--   reason          why, a word
--   ends            what ends it, a word
--   evidence_json   evidence for the reason: an object with an id
--   audit_maxlen    approximate maximum of entries in the audit stream
--   case_ttl_sec    time to live of the case
--   events_maxlen   approximate maximum of events
--   event_id        the event's id
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

-- A person released the hold for these facts: no new one. A position held for another reason stays held.
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
