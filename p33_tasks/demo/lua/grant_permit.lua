-- The governor's decision about one plan: checked, counted, written and acknowledged in one act.
--
-- KEYS
--   permit_key    STRING: the governor's permit
--   grants_key    ZSET: the symbol's grants by time, ms
--   notional_key  HASH: notional in cents by day
--   plans_key     STREAM: plans
-- ARGV
--   group              consumer group
--   entry_id           the plan's stream entry
--   plan_id            the plan
--   notional_cents     the most the plan can trade
--   permit_ttl_ms      the permit's time to live
--   permit_head        a permit's JSON up to the value of ts_epoch
--   refusal_head       a refusal's JSON up to the text of its reason
--   short_window_ms    length of the short window
--   short_limit        grants in the short window
--   long_window_ms     length of the long window
--   long_limit         grants in the long window
--   daily_limit_cents  notional per day
-- Returns {'granted'} | {'refused', reason} | {'already'} when this plan was decided before

local wrong = expect(grants_key, 'zset') or expect(notional_key, 'hash') or expect(plans_key, 'stream')
if wrong then return wrong end

-- The acknowledgement is the proof that this entry is decided for the first time.
if redis.call('XACK', plans_key, group, entry_id) == 0 then return { 'already' } end

local now = now_ms()
local function refuse(reason)
  local refusal = refusal_head .. reason .. '","ts_epoch":' .. text(math.floor(now / 1000)) .. '}'
  redis.call('SET', permit_key, refusal, 'PX', permit_ttl_ms)
  return { 'refused', reason }
end

-- The same plan in a second entry: its grant was counted, and may have been consumed.
if redis.call('ZSCORE', grants_key, plan_id) or redis.call('EXISTS', permit_key) == 1 then return { 'already' } end

redis.call('ZREMRANGEBYSCORE', grants_key, '-inf', text(now - tonumber(long_window_ms)))
local function granted_within(window)
  return redis.call('ZCOUNT', grants_key, '(' .. text(now - tonumber(window)), '+inf')
end
if granted_within(short_window_ms) >= tonumber(short_limit) then return refuse('rate_limit_short') end
if granted_within(long_window_ms) >= tonumber(long_limit) then return refuse('rate_limit_long') end

local day = text(math.floor(now / 86400000))
-- What isn't a plain number can't be added to, so nothing more is granted today.
local used = tonumber(string.match(redis.call('HGET', notional_key, day) or '0', '^%d+$') or daily_limit_cents)
if used + tonumber(notional_cents) > tonumber(daily_limit_cents) then return refuse('daily_notional') end

for _, old in ipairs(redis.call('HKEYS', notional_key)) do
  if old ~= day then redis.call('HDEL', notional_key, old) end
end
redis.call('HINCRBY', notional_key, day, notional_cents)
redis.call('ZADD', grants_key, text(now), plan_id)
redis.call('PEXPIRE', grants_key, long_window_ms)
redis.call('SET', permit_key, permit_head .. text(math.floor(now / 1000)) .. '}', 'PX', permit_ttl_ms)
return { 'granted' }
