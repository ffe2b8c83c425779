-- Sets or clears a symbol's hold, audited.
--
-- KEYS
--   hold_key   STRING, JSON: why the symbol is held, by whom, since and until when
--   audit_key  STREAM: operator and ledger events
-- ARGV
--   act           'set' | 'clear'
--   symbol        the venue's id
--   why           the reason, for people
--   by            who changes it, for people and the audit
--   for_ms        when set: how long it holds ('' until it is cleared)
--   audit_maxlen  approximate maximum of entries in the audit stream
-- Returns {'changed'} | {'unchanged'}

local wrong = expect(audit_key, 'stream')
if wrong then return wrong end

-- After the act: a login that may write the audit but not the hold must not record a hold that wasn't set.
local function audit(event, ...)
  redis.call('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*', 'event', event, 'symbol', symbol, 'by', by, ...)
end

local there = redis.call('EXISTS', hold_key) == 1
if act == 'clear' then
  if not there then return { 'unchanged' } end
  redis.call('DEL', hold_key)
  audit('hold_clear', 'why', why)
  return { 'changed' }
end

-- A hold that would end before this one is replaced; any other stays, with its reason.
local left = there and redis.call('PTTL', hold_key)
if left and (left < 0 or for_ms ~= '' and tonumber(for_ms) <= left) then return { 'unchanged' } end
local now = now_ms()
local hold = { why = why, by = by, since_ms = now }
if for_ms == '' then
  redis.call('SET', hold_key, cjson.encode(hold))
  audit('hold_set', 'why', why)
else
  hold.until_ms = now + tonumber(for_ms)
  redis.call('SET', hold_key, cjson.encode(hold), 'PX', for_ms)
  audit('hold_set', 'why', why, 'until_ms', text(hold.until_ms))
end
return { 'changed' }
