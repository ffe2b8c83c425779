-- Claims this tick's one bulk request, if no other task has (single flight over all workers).
--
-- KEYS
--   refresh_key  HASH: the bulk refresh, its lease and its outcome
--   budget_key   HASH: the request budget, with the venue's pause
--   epoch_key    STRING: the store's epoch, part of its life
--   wish_key     STRING: when the forecaster requested a refresh before the next tick; any other value is ignored
-- ARGV
--   source             venue and host
--   gap_ms             least gap between two requests
--   lease_ms           how long a claim is held
--   token              this claim's random id; a claim repeated with its own token (its answer was lost) is the
--                      same claim
--   markets_digest     digest of the symbols whose market rules are needed
--   markets_period_ms  how often market rules are loaded
--   new_life_pause_ms  pause after a restart, failover or emptying of Redis
--   new_epoch          a random text, for a store without an epoch
--   only_wished        '1': not a tick, only for a refresh that the forecaster requested
--   wish_gap_ms        least gap between two refreshes that the forecaster requested
--   request_weight     request weight of one request
--   spare_weight       used weight of this minute up to which such a refresh is made; the ticks need the rest
-- Returns {'mine' | 'done' | 'in_flight' | 'paused', now_ms, run_id, life, markets_due}

local LEAST_GAP_MS = 1000 -- between requests out of turn: they share the request weight

local wrong = expect(refresh_key, 'hash') or expect(budget_key, 'hash') or expect(epoch_key, 'string')
if wrong then return wrong end

-- An emptied store has lost as much as one that restarted. A missing epoch is written only here, because the pause below
-- follows.
redis.call('SET', epoch_key, new_epoch, 'NX')
local now, run, current_life = now_ms(), run_id(), life(epoch_key)
local function answer(status, markets_due)
  return { status, text(now), run, current_life, markets_due or 0 }
end

local paused_until = whole(redis.call('HGET', budget_key, 'paused_until_ms'))
-- A pause longer than any venue's was stored before the clock stepped back.
if paused_until and paused_until > now and paused_until - now <= MOST_PAUSE_MS then return answer('paused') end

local r = redis.call('HMGET', refresh_key, 'source', 'life', 'started_ms', 'lease_until_ms', 'markets',
  'markets_ms', 'token', 'asked_ms', 'ticked_ms', 'wished_ms')
local started = whole(r[3])
-- A new life of the store may lack the last second of the old one, with a consumed permit and its reservation. While that
-- order may still be sent, a fetched position may not show it, and the close could be permitted a second time.
if r[2] ~= current_life then
  local seen = redis.call('HMGET', refresh_key, 'new_life', 'new_life_ms')
  local since = seen[1] == current_life and whole(seen[2])
  if not since or since > now then
    since = now
    redis.call('HSET', refresh_key, 'new_life', current_life, 'new_life_ms', text(now))
  end
  if now - since <= tonumber(new_life_pause_ms) then return answer('paused') end
end

-- Such a refresh never replaces a tick's, and never uses weight that the ticks need.
local function is_wished(since)
  local wish = type_of(wish_key) == 'string' and whole(redis.call('GET', wish_key))
  if not wish or wish < since or wish > now or now - since < LEAST_GAP_MS then return false end
  local last = whole(r[10])
  if last and last <= now and now - last < tonumber(wish_gap_ms) then return false end
  local b = redis.call('HMGET', budget_key, 'minute', 'used')
  local used = whole(b[1]) == math.floor(now / 60000) and whole(b[2]) or 0
  return used + tonumber(request_weight) <= tonumber(spare_weight)
end

-- In a new life no older snapshot is valid, also not the one in flight: gap and lease are ignored.
local wished = false
if r[1] == source and r[2] == current_life and started and started <= now and r[7] ~= token then
  local lease_left = (whole(r[4]) or 0) - now
  if lease_left > 0 and lease_left <= tonumber(lease_ms) then return answer('in_flight') end
  -- An emergency close needs a request after it; one request serves all that wait.
  local asked = whole(r[8])
  local is_asked = asked and asked >= started and asked <= now and now - started >= LEAST_GAP_MS
  -- After a refresh for the forecaster, the next tick still makes its request.
  local ticked = whole(r[9])
  if not ticked or ticked > started then ticked = started end
  wished = only_wished == '1' and is_wished(started)
  if only_wished == '1' and not wished then return answer('done') end
  if now - ticked < tonumber(gap_ms) and not is_asked and not wished then return answer('done') end
elseif only_wished == '1' and r[7] ~= token then
  return answer('done')
end

redis.call('HSET', refresh_key, only_wished == '1' and 'wished_ms' or 'ticked_ms', text(now))
-- Market rules of another venue aren't used: ours stay due until they are loaded.
if r[1] ~= source then
  redis.call('HDEL', refresh_key, 'markets', 'markets_ms', 'markets_asked_ms')
  r[5], r[6] = false, false
end
redis.call('HSET', refresh_key, 'source', source, 'run_id', run, 'life', current_life, 'started_ms', text(now),
  'lease_until_ms', text(now + tonumber(lease_ms)), 'token', token)
local loaded = whole(r[6])
local due = r[5] ~= markets_digest or not loaded or loaded > now or now - loaded >= tonumber(markets_period_ms)
-- The venue refused an order for its quantity after the rules were requested: they may have changed. A refusal in the
-- future was stored before the clock stepped back.
local m = redis.call('HMGET', refresh_key, 'markets_refused_ms', 'markets_asked_ms')
local refused = whole(m[1])
if refused and refused <= now and refused >= (whole(m[2]) or 0) then due = true end
return answer('mine', due and 1 or 0)
