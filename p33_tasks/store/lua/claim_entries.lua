-- Claims pending entries of any consumer that were idle for too long (base x 2^(deliveries - 1)), to send them again. An
-- entry trimmed from its stream is sent from its copy, if there is one (XCLAIM would drop it, so the copy has the time of
-- sending). Without a copy it is acknowledged and counted, but only after the time limit of its task, which may deny it.
--
-- KEYS
--   stream_key    STREAM: plans or results
--   counters_key  HASH: counters
--   first_seen_key    HASH: when an entry id ahead of TIME was first read, ms
--   copy_key_prefix   STRING: prefix of the keys that hold copies of entries; the script adds the id of each entry
-- ARGV
--   group            consumer group
--   consumer         the consumer that takes the entries
--   window_size      entries a consumer may hold unacknowledged
--   slow_deliveries  an entry delivered more often than this is slow: it doesn't fill the window
--   slow_limit       ... up to this many slow entries
--   trimmed_counter  counters field for trimmed entries
--   ahead_counter    counters field for entry ids ahead of TIME
--   copy_ttl_sec     how long a copy of each entry is kept; 0: none is made
--   copy_max_bytes   a larger entry is not copied
--   base_idle_ms     idle time before the second delivery; doubles with each delivery
--   max_idle_ms      longest idle time before the next delivery
--   start_id         where the search begins: '-', or '(' and the last id seen
--   max_entries      most entries to take
--   waiting_consumer  the consumer that holds what can't be recorded now, or waited too long
--   waiting_limit    most of its entries to take
--   trimmed_idle_ms  idle time after which a trimmed entry without a copy is given up; one with a copy is sent as often
-- Returns {'ok', now ms, next start ('' at the end), {{id, {field, value, ...}, deliveries before this one}, ...},
--          entries pending in all}
--       | {'no_group'} | {'wrong_type', ...}

local wrong = expect(stream_key, 'stream') or expect(counters_key, 'hash') or expect(first_seen_key, 'hash')
if wrong then return wrong end

local window, slow_after, max_slow = tonumber(window_size), tonumber(slow_deliveries), tonumber(slow_limit)
local base, most, max_taken = tonumber(base_idle_ms), tonumber(max_idle_ms), tonumber(max_entries)
local PAGE, MAX_PAGES = 100, 20

local own = redis.pcall('XPENDING', stream_key, group, '-', '+', window + max_slow, consumer)
if own.err then
  if string.find(own.err, 'NOGROUP', 1, true) then return { 'no_group' } end
  return redis.error_reply(own.err)
end

-- An entry delivered in the future, before the clock stepped back: Redis would report it idle for 0 ms until the clock has
-- caught up, and a window full of such entries would block reading that long. It counts as delivered now. (Redis 7 drops a
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
-- Other consumers' entries are checked only if ids prove that the clock stepped back.
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

-- Our own entry needs no room in the window when it is sent again; another consumer's does.
local waiting = 0
local function take(id, owner, deliveries)
  local taker = consumer
  if owner == waiting_consumer then
    waiting, taker = waiting + 1, owner
  elseif owner ~= consumer then
    if deliveries > slow_after then
      if slow >= max_slow then return nil end
      slow = slow + 1
    else
      if fresh >= window then return nil end
      fresh = fresh + 1
    end
  end
  local claimed = redis.call('XCLAIM', stream_key, group, taker, text(due_after(deliveries)), id)
  return claimed[1]
end

-- A trimmed entry's fields, from its copy, if it is due to be sent; and whether it has a copy.
local function from_copy(id)
  local key = copy_key_prefix .. id
  local copy = type_of(key) == 'string' and redis.call('GET', key)
  if not copy then return nil, false end
  local sent, body = string.match(copy, '^(%d+)\n(.*)$')
  local readable, flat = pcall(cjson.decode, body or '')
  if not readable or type(flat) ~= 'table' then return nil, false end
  if now_ms() - tonumber(sent) < tonumber(trimmed_idle_ms) then return nil, true end
  redis.call('SET', key, text(now_ms()) .. '\n' .. body, 'EX', math.max(1, redis.call('TTL', key)))
  return flat, true
end

local function handle_trimmed(id, idle, deliveries, found)
  local flat, has_copy = from_copy(id)
  if flat then
    found[#found + 1] = { id, flat, deliveries }
  elseif not has_copy and idle >= tonumber(trimmed_idle_ms) and redis.call('XACK', stream_key, group, id) == 1 then
    redis.call('HINCRBY', counters_key, trimmed_counter, 1)
  end
end

local taken, start = {}, start_id
for _ = 1, MAX_PAGES do
  local page = redis.call('XPENDING', stream_key, group, 'IDLE', text(base), start, '+', PAGE)
  for _, item in ipairs(page) do
    local id, owner, idle, deliveries = item[1], item[2], item[3], item[4]
    start = '(' .. id
    local stays = owner == waiting_consumer and waiting >= tonumber(waiting_limit)
    if idle >= due_after(deliveries) and not stays then
      if #redis.call('XRANGE', stream_key, id, id) == 0 then
        handle_trimmed(id, idle, deliveries, taken)
      else
        local entry = take(id, owner, deliveries)
        if entry then
          entry_time(id, first_seen_key, counters_key, ahead_counter)
          copy_entry(copy_key_prefix .. id, entry[2], copy_ttl_sec, copy_max_bytes)
          taken[#taken + 1] = { entry[1], entry[2], deliveries }
        end
      end
    end
    if #taken >= max_taken then return { 'ok', text(now_ms()), start, taken, pending } end
  end
  if #page < PAGE then return { 'ok', text(now_ms()), '', taken, pending } end
end
return { 'ok', text(now_ms()), start, taken, pending }
