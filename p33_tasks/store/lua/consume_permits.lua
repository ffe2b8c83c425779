-- Consumes the governor's permit and ours, both or neither (CONTRACT section 6).
--
-- KEYS 1 governor's permit  2 permit  3 reservation  4 hold  5 ledger  6 snapshot  7 consumed
-- ARGV 1 governor's permit as verified   2 permit as verified   3 plan_id   4 consume_id   5 permit ts_ms
--      6 permit expires_ms   7 permit run_id   8 permit exchange_position_amt   9 longest snapshot age ms
--      10 reservation ttl ms   11 placing window ms   12 memory of the consumption ms   13 symbol   14 call: this
--      attempt's own random id
-- Returns {'consumed', place_before_ms} | {'refused', 'governor' | 'p33', what was found}

-- A repetition after a lost answer is the same consumption. Told by the call, not by the consume_id: two processes
-- that share one written down would both be told to send.
if type_of(KEYS[7]) == 'hash' then
  local c = redis.call('HMGET', KEYS[7], 'call', 'place_before_ms')
  if c[1] == ARGV[14] and c[2] then return { 'consumed', c[2] } end
end

local function refused(whose, found) return { 'refused', whose, found } end

if type_of(KEYS[1]) ~= 'string' then return refused('governor', 'missing') end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return refused('governor', 'changed') end
if type_of(KEYS[2]) ~= 'string' then return refused('p33', 'missing') end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return refused('p33', 'changed') end
if type_of(KEYS[7]) ~= 'none' then return refused('p33', 'already_consumed') end

local now = now_ms()
if now >= tonumber(ARGV[6]) then return refused('p33', 'expired') end
-- From before the clock stepped back: how old it is, and whether an order came after it, can't be told any more.
if tonumber(ARGV[5]) > now then return refused('p33', 'issued_in_the_future') end
if run_id() ~= ARGV[7] then return refused('p33', 'other_redis_run') end
if type_of(KEYS[3]) ~= 'string' or redis.call('GET', KEYS[3]) ~= ARGV[3] then return refused('p33', 'reservation_lost') end
if redis.call('EXISTS', KEYS[4]) == 1 then return refused('p33', 'reconcile_hold_active') end

if type_of(KEYS[5]) ~= 'hash' then return refused('p33', 'ledger_missing') end
local l = redis.call('HMGET', KEYS[5], 'last_order_time_ms', 'last_order_time_epoch')
local ordered, unreadable = twin_time(l[1], l[2])
if unreadable then return refused('p33', 'ledger_unreadable') end
-- The facts were read at the permit's time: an order in the same millisecond may have come after them. Whole seconds
-- are compared as whole seconds: an epoch says nothing finer.
local issued = tonumber(ARGV[5])
if not l[1] or l[1] == '' then issued = math.floor(issued / 1000) * 1000 end
if ordered and ordered >= issued then return refused('p33', 'order_since_permit') end

if type_of(KEYS[6]) ~= 'hash' then return refused('p33', 'snapshot_missing') end
local s = redis.call('HMGET', KEYS[6], 'position_amt', 'ts_ms', 'ts_epoch', 'run_id', 'position_mode')
local fetched = twin_time(s[2], s[3])
if not fetched or fetched > now or now - fetched > tonumber(ARGV[9]) then return refused('p33', 'stale_exchange_state') end
if s[4] ~= ARGV[7] then return refused('p33', 'snapshot_of_another_run') end
if s[5] == 'hedge' then return refused('p33', 'hedge_mode_unsupported') end
if s[1] ~= ARGV[8] then return refused('p33', 'position_changed') end

local place_before = text(now + tonumber(ARGV[11]))
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[10])
redis.call('HSET', KEYS[7], 'consume_id', ARGV[4], 'call', ARGV[14], 'symbol', ARGV[13], 'consumed_ms', text(now),
  'place_before_ms', place_before)
redis.call('PEXPIRE', KEYS[7], ARGV[12])
return { 'consumed', place_before }
