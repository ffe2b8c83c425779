-- Records what an apply layer reported: ledger, fills memory, cooldown, reservation, counters, acknowledgement.
--
-- KEYS 1 ledger  2 fills  3 fill times  4 ledger origin  5 reservation  6 permit  7 decision  8 consumed  9 counters
--      10 decisions stream  11 audit stream  12 result stream
-- ARGV 1 group   2 entry id   3 plan_id   4 symbol   5 symbol label   6 'executed' | 'not_executed' | 'rejected'
--      7 consume_id ('' for none)   8 base amount ('' for unknown)   9 amount after ('' for unknown)   10 side after
--      11 origin ('' for none)   12 ledger ttl s   13 fills memory s   14 decision ttl ms   15 permit ttl ms
--      16 audit maxlen   17 deny JSON head (up to ts_epoch)   18 crossed zero (0 | 1)   19 how an allow of this plan for
--      this symbol begins
--      then for each order: id, remembered before ('' for none), to remember, increase > 0 (0 | 1), is news (0 | 1)
-- Returns {'recorded', what became of the reservation} | {'already'} | {'moved'} | {'wrong_type', ...}

local kinds = { 'hash', 'hash', 'zset', 'string', 'string', 'string', 'string', 'hash', 'hash', 'stream', 'stream', 'stream' }
-- A result without an order leaves the ledger alone. One that can't be read must not hold it up: a denied symbol's
-- executors go on reporting, and what waits for ever fills the ingest's window for all symbols.
local has_orders = ARGV[20] ~= nil
for i = has_orders and 1 or 5, #kinds do
  -- The permit is only ever deleted or overwritten, whatever somebody put there.
  local wrong = i ~= 6 and expect(KEYS[i], kinds[i])
  if wrong then return wrong end
end

local orders = {}
for at = 20, #ARGV, 5 do
  orders[#orders + 1] = { id = ARGV[at], before = ARGV[at + 1], after = ARGV[at + 2], filled = ARGV[at + 3] == '1',
    news = ARGV[at + 4] == '1' }
end

-- Compare, then set: Python did the sums, from a base that must still be there.
if has_orders then
  if (redis.call('HGET', KEYS[1], 'last_known_amt') or '') ~= ARGV[8] then return { 'moved' } end
  if (redis.call('GET', KEYS[4]) or '') ~= ARGV[11] then return { 'moved' } end
end
for _, order in ipairs(orders) do
  if (redis.call('HGET', KEYS[2], order.id) or '') ~= order.before then return { 'moved' } end
end

-- The acknowledgement is the proof that this entry is recorded for the first time.
if redis.call('XACK', KEYS[12], ARGV[1], ARGV[2]) == 0 then return { 'already' } end

-- Without our record of a consumption the permit's own presence proves that nobody took it.
local permit_there = redis.call('EXISTS', KEYS[6]) == 1
local now = now_ms()
local now_sec = text(math.floor(now / 1000))
local plan_id, label = ARGV[3], ARGV[5]
local executed = ARGV[6] == 'executed'

local any_news, any_fill = false, false
for _, order in ipairs(orders) do
  redis.call('HSET', KEYS[2], order.id, order.after)
  redis.call('ZADD', KEYS[3], text(now), order.id)
  if order.news then
    any_news = true
    redis.call('HSET', KEYS[1], 'last_order_id', order.id)
  end
  if order.filled then any_fill = true end
end
if #orders > 0 then
  local forgotten = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now - tonumber(ARGV[13]) * 1000), 'LIMIT', 0, 100)
  for _, id in ipairs(forgotten) do
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[3], id)
  end
  redis.call('EXPIRE', KEYS[2], ARGV[13])
  redis.call('EXPIRE', KEYS[3], ARGV[13])
end

-- Any order starts the cooldown, whatever it filled; a report that tells nothing new doesn't start it again.
if any_news then
  redis.call('HSET', KEYS[1], 'last_order_time_ms', text(now), 'last_order_time_epoch', now_sec, 'last_update_ts', now_sec)
  redis.call('EXPIRE', KEYS[1], ARGV[12])
end
if ARGV[9] ~= ARGV[8] then
  redis.call('HSET', KEYS[1], 'last_known_amt', ARGV[9], 'last_known_side', ARGV[10], 'last_update_ts', now_sec)
  redis.call('EXPIRE', KEYS[1], ARGV[12])
end
if any_fill then count(KEYS[9], 'p33_ledger_update_total|' .. label) end
if ARGV[18] == '1' then count(KEYS[9], 'p33_ledger_crossed_zero_total|' .. label) end

local decision = redis.call('GET', KEYS[7])
if executed then
  -- Somebody went around the gate. A second report of the same order is no second offence.
  local allowed = decision and string.sub(decision, 1, #ARGV[19]) == ARGV[19]
  if not allowed and (any_news or #orders == 0) then count(KEYS[9], 'p33_unpermitted_execution_total|' .. label) end
elseif not decision then
  -- The executor gave up before the verdict: an allow now would hold the symbol for nobody.
  local deny = ARGV[17] .. now_sec .. ',"ts_ms":' .. text(now) .. '}'
  redis.call('SET', KEYS[7], deny, 'PX', ARGV[14])
  redis.call('SET', KEYS[6], deny, 'PX', ARGV[15])
  -- pcall: the entry is acknowledged by now, what follows must happen even if the stream's ids are used up.
  redis.pcall('XADD', KEYS[10], 'MAXLEN', '~', ARGV[16], '*', 'plan_id', plan_id, 'symbol', ARGV[4], 'allow', 'false',
    'reason', 'plan_abandoned', 'verdict', deny, 'inputs', '{}')
  count(KEYS[9], 'p33_permit_total|' .. label .. '|deny')
  count(KEYS[9], 'p33_denial_total|' .. label .. '|plan_abandoned')
end

local reservation = 'none'
if redis.call('GET', KEYS[5]) == plan_id then
  reservation = 'kept'
  local consumer = redis.call('HGET', KEYS[8], 'consume_id')
  local release = false
  if any_fill then
    release = true
  elseif not executed and consumer then
    release = ARGV[6] == 'rejected' and consumer == ARGV[7]
  elseif not executed then
    release = permit_there
  end
  if release then
    redis.call('DEL', KEYS[5], KEYS[6])
    reservation = 'released'
  end
end
return { 'recorded', reservation }
