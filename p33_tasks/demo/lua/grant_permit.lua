-- The governor's decision about one plan: checked, counted, written and acknowledged in one act.
--
-- KEYS 1 governor's permit  2 grants of the symbol  3 notional per day  4 plan stream
-- ARGV 1 group   2 entry id   3 plan_id   4 notional in cents   5 permit ttl ms   6 permit JSON head (up to ts_epoch)
--      7 refusal JSON head (up to reason)   8 short window ms   9 short limit   10 long window ms   11 long limit
--      12 daily limit in cents
-- Returns {'granted'} | {'refused', reason} | {'already'} when this plan was decided before

local wrong = expect(KEYS[2], 'zset') or expect(KEYS[3], 'hash') or expect(KEYS[4], 'stream')
if wrong then return wrong end

-- The acknowledgement is the proof that this entry is decided for the first time.
if redis.call('XACK', KEYS[4], ARGV[1], ARGV[2]) == 0 then return { 'already' } end

local now = now_ms()
local function refuse(reason)
  redis.call('SET', KEYS[1], ARGV[7] .. reason .. '","ts_epoch":' .. text(math.floor(now / 1000)) .. '}', 'PX', ARGV[5])
  return { 'refused', reason }
end

-- The same plan in a second entry: its grant was counted, and may have been consumed.
if redis.call('ZSCORE', KEYS[2], ARGV[3]) or redis.call('EXISTS', KEYS[1]) == 1 then return { 'already' } end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - tonumber(ARGV[10])))
local function granted_within(window) return redis.call('ZCOUNT', KEYS[2], '(' .. text(now - tonumber(window)), '+inf') end
if granted_within(ARGV[8]) >= tonumber(ARGV[9]) then return refuse('rate_limit_short') end
if granted_within(ARGV[10]) >= tonumber(ARGV[11]) then return refuse('rate_limit_long') end

local day = text(math.floor(now / 86400000))
-- What isn't a plain number can't be added to, so nothing more is granted today.
local used = tonumber(string.match(redis.call('HGET', KEYS[3], day) or '0', '^%d+$') or ARGV[12])
if used + tonumber(ARGV[4]) > tonumber(ARGV[12]) then return refuse('daily_notional') end

for _, old in ipairs(redis.call('HKEYS', KEYS[3])) do
  if old ~= day then redis.call('HDEL', KEYS[3], old) end
end
redis.call('HINCRBY', KEYS[3], day, ARGV[4])
redis.call('ZADD', KEYS[2], text(now), ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[10])
redis.call('SET', KEYS[1], ARGV[6] .. text(math.floor(now / 1000)) .. '}', 'PX', ARGV[5])
return { 'granted' }
