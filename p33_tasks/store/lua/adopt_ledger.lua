-- Takes the exchange's position as the ledger's, on an operator's word.
--
-- KEYS 1 ledger  2 ledger origin  3 snapshot  4 reservation  5 audit stream
-- ARGV 1 symbol   2 source   3 longest snapshot age ms   4 cooldown ms   5 replace (0 | 1)   6 by   7 ledger ttl s
--      8 audit maxlen   9 amount the operator was shown ('' to take what is there)
-- Returns {'adopted', amount before, amount after} | {'refused', why, found}

local wrong = expect(KEYS[1], 'hash') or expect(KEYS[2], 'string') or expect(KEYS[3], 'hash') or expect(KEYS[4], 'string')
  or expect(KEYS[5], 'stream')
if wrong then return wrong end

local now = now_ms()
local s = redis.call('HMGET', KEYS[3], 'position_amt', 'side', 'ts_ms', 'ts_epoch', 'source', 'run_id', 'position_mode')
local fetched = twin_time(s[3], s[4])
if not s[1] or not fetched then return { 'refused', 'no_snapshot', '' } end
if s[5] ~= ARGV[2] then return { 'refused', 'other_source', s[5] or '' } end
if s[6] ~= run_id() then return { 'refused', 'other_run', s[6] or '' } end
if s[7] == 'hedge' then return { 'refused', 'hedge_mode', '' } end
if fetched > now or now - fetched > tonumber(ARGV[3]) then return { 'refused', 'stale_snapshot', text(now - fetched) } end
if redis.call('EXISTS', KEYS[4]) == 1 then return { 'refused', 'reserved', redis.call('GET', KEYS[4]) } end

local l = redis.call('HMGET', KEYS[1], 'last_known_amt', 'last_order_time_ms', 'last_order_time_epoch')
if l[1] and ARGV[5] ~= '1' then return { 'refused', 'ledger_exists', l[1] } end
local ordered, unreadable = twin_time(l[2], l[3])
-- As everywhere: a time in the future, or one that can't be read, counts as now.
if unreadable or (ordered and ordered > now) then ordered = now end
if ordered and fetched <= ordered + tonumber(ARGV[4]) then
  return { 'refused', 'cooldown', text(ordered + tonumber(ARGV[4]) - now) }
end
if ARGV[9] ~= '' and ARGV[9] ~= s[1] then return { 'refused', 'position_changed', s[1] } end

redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[8], '*', 'event', l[1] and 'ledger_replaced' or 'ledger_adopted', 'symbol',
  ARGV[1], 'by', ARGV[6], 'before', l[1] or '', 'after', s[1], 'snapshot_ts_ms', text(fetched), 'source', ARGV[2])
redis.call('HSET', KEYS[1], 'last_known_amt', s[1], 'last_known_side', s[2], 'last_update_ts', text(math.floor(now / 1000)))
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('SET', KEYS[2], text(fetched))
return { 'adopted', l[1] or '', s[1] }
