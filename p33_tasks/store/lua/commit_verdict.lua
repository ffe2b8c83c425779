-- Makes a verdict final: decision, permit, reservation, audit entry, counters and acknowledgement, or nothing.
--
-- KEYS 1 decision  2 permit  3 reservation  4 hold  5 snapshot  6 ledger  7 decisions stream  8 counters  9 plan stream
-- ARGV 1 'allow' | 'deny'   2 decision JSON   3 permit JSON   4 decision ttl ms   5 permit expires ms (0: ttl from now)
--      6 permit ttl ms   7 reservation ttl ms   8 plan_id   9 symbol   10 symbol label   11 reason
--      12 audit maxlen   13 inputs JSON   14 group   15 entry id ('' for none)   16 plan time ms   17 plan max age ms
--      18 stale threshold ms   19 evaluation us   20 evaluation buckets us   21 latency buckets ms
--      22 run_id   23.. snapshot position_amt, ts_ms, source   26.. ledger last_known_amt, order time ms ('' for none)
-- Returns {'committed'} | {'exists'} (acknowledged) | {'moved', what} (nothing written) | {'wrong_type', ...}

local wrong = expect(KEYS[1], 'string') or expect(KEYS[7], 'stream') or expect(KEYS[8], 'hash')
if wrong then return wrong end
if ARGV[15] ~= '' then
  wrong = expect(KEYS[9], 'stream')
  if wrong then return wrong end
end

local function acknowledge()
  if ARGV[15] ~= '' then redis.call('XACK', KEYS[9], ARGV[14], ARGV[15]) end
end

if redis.call('EXISTS', KEYS[1]) == 1 then
  acknowledge()
  return { 'exists' }
end

local now = now_ms()
local ttl = tonumber(ARGV[6])

if ARGV[1] == 'allow' then
  -- Once more, by the clock and the facts of this very moment (CONTRACT section 6).
  if redis.call('EXISTS', KEYS[4]) == 1 then return { 'moved', 'hold' } end
  if redis.call('EXISTS', KEYS[3]) == 1 then return { 'moved', 'reservation' } end
  if type_of(KEYS[5]) ~= 'hash' or type_of(KEYS[6]) ~= 'hash' then return { 'moved', 'type' } end
  if run_id() ~= ARGV[22] then return { 'moved', 'run_id' } end

  local s = redis.call('HMGET', KEYS[5], 'position_amt', 'ts_ms', 'ts_epoch', 'source', 'run_id', 'position_mode')
  local fetched = twin_time(s[2], s[3])
  if s[1] ~= ARGV[23] or not fetched or fetched ~= tonumber(ARGV[24]) or s[4] ~= ARGV[25] or s[5] ~= ARGV[22]
      or s[6] == 'hedge' then
    return { 'moved', 'snapshot' }
  end
  if fetched > now or now - fetched > tonumber(ARGV[18]) then return { 'moved', 'snapshot_age' } end

  local l = redis.call('HMGET', KEYS[6], 'last_known_amt', 'last_order_time_ms', 'last_order_time_epoch')
  local ordered, unreadable = twin_time(l[2], l[3])
  if l[1] ~= ARGV[26] or unreadable or (ordered and text(ordered) or '') ~= ARGV[27] then return { 'moved', 'ledger' } end

  if now - tonumber(ARGV[16]) > tonumber(ARGV[17]) then return { 'moved', 'plan_age' } end
  ttl = tonumber(ARGV[5]) - now
  if ttl <= 0 then return { 'moved', 'permit_age' } end
end

-- First what can still be refused: a stream whose last id is the greatest possible takes no more entries.
redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[12], '*', 'plan_id', ARGV[8], 'symbol', ARGV[9],
  'allow', ARGV[1] == 'allow' and 'true' or 'false', 'reason', ARGV[11], 'verdict', ARGV[2], 'inputs', ARGV[13])
if ARGV[1] == 'allow' then redis.call('SET', KEYS[3], ARGV[8], 'PX', ARGV[7]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[3], 'PX', text(ttl))
count(KEYS[8], 'p33_permit_total|' .. ARGV[10] .. '|' .. ARGV[1])
if ARGV[1] == 'deny' then count(KEYS[8], 'p33_denial_total|' .. ARGV[10] .. '|' .. ARGV[11]) end
observe(KEYS[8], 'p33_evaluation_duration_seconds', ARGV[20], tonumber(ARGV[19]))
if tonumber(ARGV[16]) > 0 then
  observe(KEYS[8], 'p33_permit_latency_seconds', ARGV[21], math.max(0, now - tonumber(ARGV[16])))
end
acknowledge()
return { 'committed' }
