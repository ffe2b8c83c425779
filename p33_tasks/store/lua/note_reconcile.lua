-- Writes the outcome of a reading, in reconciliation's own keys only.
--
-- KEYS
--   lease_key      STRING: token of the task that reconciles
--   case_key       HASH: earlier readings and tries
--   watermark_key  HASH: time and amounts at which both sides were last equal
--   events_key     STREAM: events of reconciliation
--   counters_key   HASH: counters
-- ARGV
--   token           the claim's token
--   label           the position, for counters
--   case_ttl_sec    time to live of the case
--   keep_sec        how long a watermark is kept
--   events_maxlen   approximate maximum of events
--   is_new_drift    1: the case of another drift is deleted
--   event_name      the event's name ('' for none)
--   event_id        the event's id: it is written once
--   event_json      the event's other fields, a JSON object of texts ('' for none)
--   watermark_json  the watermark's fields, a JSON object of texts ('' for unchanged)
--   fields[]        the fields of the case to set
--     .name         of the field
--     .value        '' to delete it
-- Returns {'noted'} | {'lost'}: another task reconciles | {'wrong_type', ...}

local wrong = expect(case_key, 'hash') or expect(watermark_key, 'hash') or expect(events_key, 'stream')
  or expect(counters_key, 'hash') or expect(lease_key, 'string')
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'lost' } end

-- First the write that can fail: a stream whose last id is the greatest possible accepts no more entries.
if event_name ~= '' and redis.call('HGET', case_key, 'event:' .. event_name) ~= event_id then
  local flat = { 'event_id', event_id, 'event', event_name }
  for name, value in pairs(cjson.decode(event_json)) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  redis.call('XADD', events_key, 'MAXLEN', '~', events_maxlen, '*', unpack(flat))
  redis.call('HSET', case_key, 'event:' .. event_name, event_id)
  count(counters_key, 'p33_reconcile_total|' .. label .. '|' .. event_name)
end
if is_new_drift == '1' then
  redis.call('HDEL', case_key, 'readings', 'first_ms', 'waits', 'next_ms', 'class', 'why')
end
for _, field in ipairs(fields) do
  if field.value == '' then
    redis.call('HDEL', case_key, field.name)
  else
    redis.call('HSET', case_key, field.name, field.value)
  end
end
redis.call('EXPIRE', case_key, case_ttl_sec)
if watermark_json ~= '' then
  redis.call('DEL', watermark_key)
  for name, value in pairs(cjson.decode(watermark_json)) do redis.call('HSET', watermark_key, name, value) end
  redis.call('EXPIRE', watermark_key, keep_sec)
end
return { 'noted' }
