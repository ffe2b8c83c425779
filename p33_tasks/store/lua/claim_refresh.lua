-- Takes this tick's one bulk request, if nobody has (single flight over all workers).
--
-- KEYS 1 refresh  2 budget
-- ARGV 1 source   2 least gap between two requests, ms   3 lease, ms   4 token   5 markets wanted (a digest)
--      6 markets refresh period, ms
-- Returns {'mine' | 'done' | 'in_flight' | 'paused', now_ms, run_id, markets_due}

local wrong = expect(KEYS[1], 'hash') or expect(KEYS[2], 'hash')
if wrong then return wrong end

local now, run = now_ms(), run_id()
local function answer(status, markets_due)
  return { status, text(now), run, markets_due or 0 }
end

local paused_until = tonumber(redis.call('HGET', KEYS[2], 'paused_until_ms') or '')
-- A pause that lies further ahead than any venue asks for was stored before the clock stepped back.
if paused_until and paused_until > now and paused_until - now <= 3 * 86400 * 1000 then return answer('paused') end

local r = redis.call('HMGET', KEYS[1], 'source', 'run_id', 'started_ms', 'lease_until_ms', 'markets', 'markets_ms')
local started = tonumber(r[3] or '')
if r[1] == ARGV[1] and started and started <= now then
  local lease_until = tonumber(r[4] or '0')
  if lease_until > now then return answer('in_flight') end
  -- After a restart of Redis no snapshot counts any more, so the gap needn't be kept.
  if r[2] == run and now - started < tonumber(ARGV[2]) then return answer('done') end
end

redis.call('HSET', KEYS[1], 'source', ARGV[1], 'run_id', run, 'started_ms', text(now),
  'lease_until_ms', text(now + tonumber(ARGV[3])), 'token', ARGV[4])
local loaded = tonumber(r[6] or '')
local due = r[5] ~= ARGV[5] or not loaded or loaded > now or now - loaded >= tonumber(ARGV[6])
return answer('mine', due and 1 or 0)
