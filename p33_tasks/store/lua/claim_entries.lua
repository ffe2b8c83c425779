-- Takes pending entries that were idle for too long, of whatever consumer, so that they are sent again: idle for
-- base x 2^(deliveries - 1). One whose body was trimmed away is acknowledged and counted; not before its task, which
-- has the body, had its time: acknowledged here, a fill would be lost that is being recorded there.
--
-- KEYS
--   stream_key    STREAM: plans or results
--   counters_key  HASH: counters
-- ARGV
--   group            consumer group
--   consumer         the consumer that takes the entries
--   window_size      entries a consumer may hold unacknowledged
--   slow_deliveries  an entry delivered more often than this is slow: it doesn't fill the window
--   slow_limit       ... up to this many slow entries
--   trimmed_counter  counters field for trimmed entries
--   base_idle_ms     idle time before the second delivery; doubles with each delivery
--   max_idle_ms      longest idle time before the next delivery
--   start_id         where the search begins: '-', or '(' and the last id seen
--   max_entries      most entries to take
--   trimmed_idle_ms  idle time after which a trimmed entry is given up
-- Returns {'ok', now ms, next start ('' at the end), {{id, {field, value, ...}, deliveries before this one}, ...},
--          entries pending in all}
--       | {'no_group'} | {'wrong_type', ...}

local wrong = expect(stream_key, 'stream') or expect(counters_key, 'hash')
if wrong then return wrong end

local window, slow_after, max_slow = tonumber(window_size), tonumber(slow_deliveries), tonumber(slow_limit)
local base, most, max_taken = tonumber(base_idle_ms), tonumber(max_idle_ms), tonumber(max_entries)
local PAGE, MAX_PAGES = 100, 20

local own = redis.pcall('XPENDING', stream_key, group, '-', '+', window + max_slow, consumer)
if own.err then
  if string.find(own.err, 'NOGROUP', 1, true) then return { 'no_group' } end
  return redis.error_reply(own.err)
end

-- Delivered in the future, by a clock that has stepped back since: Redis would call it idle for 0 ms until the clock
-- has caught up, and a window full of such entries is deaf for as long. It counts as delivered now. (Redis 7 drops a
-- trimmed entry that is claimed.)
local function delivered_now(id, owner, idle)
  if idle == 0 and #redis.call('XRANGE', stream_key, id, id) > 0 then
    redis.call('XCLAIM', stream_key, group, owner, 0, id, 'JUSTID')
  end
end

local fresh, slow = 0, 0
for _, item in ipairs(own) do
  if item[4] > slow_after then slow = slow + 1 else fresh = fresh + 1 end
  delivered_now(item[1], item[2], item[3])
end
-- Other consumers' entries are looked at only where ids prove that the clock stepped back.
local summary = redis.call('XPENDING', stream_key, group)
local pending, last = summary[1], summary[3]
if last and tonumber(string.match(last, '^%d+')) > now_ms() then
  for _, item in ipairs(redis.call('XPENDING', stream_key, group, '-', '+', 10 * PAGE)) do
    delivered_now(item[1], item[2], item[3])
  end
end

local function due_after(deliveries)
  return math.min(base * 2 ^ math.min(deliveries - 1, 30), most)
end

-- What is ours already changes no window when it is sent again; somebody else's needs room.
local function take(id, owner, deliveries)
  if owner ~= consumer then
    if deliveries > slow_after then
      if slow >= max_slow then return nil end
      slow = slow + 1
    else
      if fresh >= window then return nil end
      fresh = fresh + 1
    end
  end
  local claimed = redis.call('XCLAIM', stream_key, group, consumer, text(due_after(deliveries)), id)
  return claimed[1]
end

local taken, start = {}, start_id
for _ = 1, MAX_PAGES do
  local page = redis.call('XPENDING', stream_key, group, 'IDLE', text(base), start, '+', PAGE)
  for _, item in ipairs(page) do
    local id, owner, idle, deliveries = item[1], item[2], item[3], item[4]
    start = '(' .. id
    if idle >= due_after(deliveries) then
      if #redis.call('XRANGE', stream_key, id, id) == 0 then
        if idle >= tonumber(trimmed_idle_ms) and redis.call('XACK', stream_key, group, id) == 1 then
          redis.call('HINCRBY', counters_key, trimmed_counter, 1)
        end
      else
        local entry = take(id, owner, deliveries)
        if entry then taken[#taken + 1] = { entry[1], entry[2], deliveries } end
      end
    end
    if #taken >= max_taken then return { 'ok', text(now_ms()), start, taken, pending } end
  end
  if #page < PAGE then return { 'ok', text(now_ms()), '', taken, pending } end
end
return { 'ok', text(now_ms()), start, taken, pending }
