-- Sets or clears a symbol's hold, audited.
--
-- KEYS
--   hold_key   STRING: why the symbol is held
--   audit_key  STREAM: operator and ledger events
-- ARGV
--   act           'set' | 'clear'
--   symbol        the venue's id
--   why           the reason, for people
--   by            who changes it, for the audit
--   audit_maxlen  about how many entries the audit stream keeps
-- Returns {'changed'} | {'unchanged'}

local wrong = expect(audit_key, 'stream')
if wrong then return wrong end

local there = redis.call('EXISTS', hold_key) == 1
if there == (act == 'set') then return { 'unchanged' } end
redis.call('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*', 'event', 'hold_' .. act, 'symbol', symbol, 'by', by,
  'why', why)
if act == 'set' then
  redis.call('SET', hold_key, why)
else
  redis.call('DEL', hold_key)
end
return { 'changed' }
