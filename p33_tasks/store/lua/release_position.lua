-- Ends this service's own hold on a position, audited. An operator's hold stays as it is.
--
-- KEYS
--   service_hold_key  STRING: this service's own hold, JSON
--   audit_key         STREAM: operator and ledger events
-- ARGV
--   position      the position
--   why           for people
--   by            who ends it, for the audit
--   expected      the hold as it was read; another one stays ('' to end whatever is there)
--   audit_maxlen  about how many entries the audit stream keeps
-- Returns {'released', the hold} | {'none'} | {'moved'}

local wrong = expect(audit_key, 'stream')
if wrong then return wrong end

local found = type_of(service_hold_key)
if found == 'none' then return { 'none' } end
local hold = found == 'string' and redis.call('GET', service_hold_key) or '(a ' .. found .. ')'
if expected ~= '' and hold ~= expected then return { 'moved' } end
redis.call('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*', 'event', 'service_hold_released', 'symbol', position,
  'by', by, 'why', why, 'hold', string.sub(hold, 1, 4000))
redis.call('DEL', service_hold_key)
return { 'released', hold }
