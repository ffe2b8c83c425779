-- Takes this tick's one bulk request, if nobody has (single flight over all workers).
--
-- KEYS 1 refresh  2 budget
-- ARGV 1 source   2 least gap between two requests, ms   3 lease, ms   4 token   5 markets wanted (a digest)
--      6 markets refresh period, ms   7 pause after a restart or failover of Redis, ms
--      A claim repeated with its own token (its answer was lost) is the same claim.
-- Returns {'mine' | 'done' | 'in_flight' | 'paused', now_ms, run_id, markets_due}

local wrong = expect(KEYS[1], 'hash') or expect(KEYS[2], 'hash')
if wrong then return wrong end

local now, run = now_ms(), run_id()
local function answer(status, markets_due)
  return { status, text(now), run, markets_due or 0 }
end

local paused_until = whole(redis.call('HGET', KEYS[2], 'paused_until_ms'))
-- A pause that lies further ahead than any venue asks for was stored before the clock stepped back.
if paused_until and paused_until > now and paused_until - now <= MOST_PAUSE_MS then return answer('paused') end

local r = redis.call('HMGET', KEYS[1], 'source', 'run_id', 'started_ms', 'lease_until_ms', 'markets', 'markets_ms', 'token')
local started = whole(r[3])
-- Another life of the server may have forgotten its last second: a permit that was consumed in it, and a reservation.
-- While that order may still be sent, a position could be fetched that doesn't show it, and be permitted a second time.
if r[2] and r[2] ~= run then
  local seen = redis.call('HMGET', KEYS[1], 'new_run_id', 'new_run_ms')
  local since = seen[1] == run and whole(seen[2])
  if not since or since > now then
    since = now
    redis.call('HSET', KEYS[1], 'new_run_id', run, 'new_run_ms', text(now))
  end
  if now - since <= tonumber(ARGV[7]) then return answer('paused') end
end

-- After a restart of Redis no snapshot counts any more, also not the one under way: neither gap nor lease is kept.
if r[1] == ARGV[1] and r[2] == run and started and started <= now and r[7] ~= ARGV[4] then
  local lease_left = (whole(r[4]) or 0) - now
  if lease_left > 0 and lease_left <= tonumber(ARGV[3]) then return answer('in_flight') end
  if now - started < tonumber(ARGV[2]) then return answer('done') end
end

-- Another venue's order rules are nobody's, and stay due until ours were loaded.
if r[1] ~= ARGV[1] then
  redis.call('HDEL', KEYS[1], 'markets', 'markets_ms')
  r[5], r[6] = false, false
end
redis.call('HSET', KEYS[1], 'source', ARGV[1], 'run_id', run, 'started_ms', text(now),
  'lease_until_ms', text(now + tonumber(ARGV[3])), 'token', ARGV[4])
local loaded = whole(r[6])
local due = r[5] ~= ARGV[5] or not loaded or loaded > now or now - loaded >= tonumber(ARGV[6])
return answer('mine', due and 1 or 0)
