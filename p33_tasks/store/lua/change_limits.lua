-- Sets or clears an operator's limits of a symbol, with an audit entry. New limits replace all old ones.
--
-- KEYS
--   limits_key  HASH: an operator's limits of the symbol
--   audit_key   STREAM: operator and ledger events
-- ARGV
--   act           'set' | 'clear'
--   symbol        the venue's id
--   by            who changes it, for the audit
--   for_ms        how long the looser values count ('' where none is looser)
--   audit_maxlen  approximate maximum of entries in the audit stream
--   values[]      each limit to set
--     .field      its field
--     .value      its value
-- Returns {'changed', field, value, ...} what is stored now | {'unchanged'} there was nothing to clear

local wrong = expect(limits_key, 'hash') or expect(audit_key, 'stream')
if wrong then return wrong end

local function written(flat)
  local parts = {}
  for at = 1, #flat, 2 do parts[#parts + 1] = flat[at] .. '=' .. string.sub(flat[at + 1], 1, 100) end
  table.sort(parts)
  return table.concat(parts, ' ')
end

local before = redis.call('HGETALL', limits_key)
if act == 'clear' and #before == 0 then return { 'unchanged' } end

local flat = {}
for _, limit in ipairs(values) do
  flat[#flat + 1] = limit.field
  flat[#flat + 1] = limit.value
end
if for_ms ~= '' then
  flat[#flat + 1] = 'expires_ms'
  flat[#flat + 1] = text(now_ms() + tonumber(for_ms))
end

redis.call('DEL', limits_key)
if #flat > 0 then redis.call('HSET', limits_key, unpack(flat)) end
-- After the act: a login that may write the audit but not the limits must not record limits that weren't set.
redis.call('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*', 'event', act == 'set' and 'limits_set' or 'limits_cleared',
  'symbol', symbol, 'by', by, 'before', written(before), 'after', written(flat))
return { 'changed', unpack(flat) }
