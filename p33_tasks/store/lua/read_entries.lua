-- Reads the next entries of a stream for a consumer, at most as many as its window has room for; counts entries that a
-- producer trimmed before they were read (Redis 7 numbers entries; 6.2 doesn't). While younger entries wait, entries that
-- have already waited too long are set aside, so that they don't delay the younger ones.
--
-- KEYS
--   stream_key    STREAM: plans or results
--   counters_key  HASH: counters
--   first_seen_key    HASH: when an entry id ahead of TIME was first read, ms
--   copy_key_prefix   STRING: prefix of the keys that hold copies of entries; the script adds the id of each entry
-- ARGV
--   group            consumer group
--   consumer         the consumer that reads
--   window_size      entries a consumer may hold unacknowledged
--   slow_deliveries  an entry delivered more often than this is slow: it doesn't fill the window
--   slow_limit       ... up to this many slow entries
--   trimmed_counter  counters field for trimmed entries
--   ahead_counter    counters field for entry ids ahead of TIME
--   copy_ttl_sec     how long a copy of each entry is kept; 0: none is made
--   copy_max_bytes   a larger entry is not copied
--   min_room         least room for which to read
--   late_ms          an entry that waited longer is set aside for younger ones; 0: none is
--   late_limit       most entries to set aside in one read
--   waiting_consumer  the consumer that holds them
--   urgent_decision  an entry with this decision is never set aside
-- Returns {'ok', now ms, remaining room (0 also if it was too small to read), {{id, {field, value, ...}}, ...},
--          entries set aside}
--       | {'no_group'} | {'wrong_type', ...}

local wrong = expect(stream_key, 'stream') or expect(counters_key, 'hash') or expect(first_seen_key, 'hash')
if wrong then return wrong end

local function map(flat)
  local m = {}
  for i = 1, #flat, 2 do m[flat[i]] = flat[i + 1] end
  return m
end

local pending = redis.pcall('XPENDING', stream_key, group)
if pending.err then
  if string.find(pending.err, 'NOGROUP', 1, true) then return { 'no_group' } end
  return redis.error_reply(pending.err)
end

local own = 0
for _, holder in ipairs(pending[4] or {}) do
  if holder[1] == consumer then own = tonumber(holder[2]) end
end
local room = tonumber(window_size) - own
if room < tonumber(min_room) then
  local slow = 0
  for _, item in ipairs(redis.call('XPENDING', stream_key, group, '-', '+', own, consumer)) do
    if item[4] > tonumber(slow_deliveries) then slow = slow + 1 end
  end
  room = room + math.min(slow, tonumber(slow_limit))
end
if room < tonumber(min_room) then return { 'ok', text(now_ms()), 0, {}, 0 } end

-- Trimming removes the oldest first: if an entry that was read still exists, no unread one was trimmed.
local function count_trimmed()
  local added, length = nil, 0
  local info = map(redis.call('XINFO', 'STREAM', stream_key))
  added, length = info['entries-added'], info['length']
  if not added then return end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream_key)) do
    local seen = map(flat)
    if seen.name == group then
      local last, read, gone = seen['last-delivered-id'], seen['entries-read'], added - length
      if #redis.call('XRANGE', stream_key, '-', last, 'COUNT', 1) > 0 or read == gone then return end
      if read and gone > read then redis.call('HINCRBY', counters_key, trimmed_counter, text(gone - read)) end
      -- The group's counter now includes the trimmed entries as read: they are counted once, and its lag is correct.
      redis.call('XGROUP', 'SETID', stream_key, group, last, 'ENTRIESREAD', text(gone))
    end
  end
end
count_trimmed()

-- Creates the consumer, so that an idle one is visible: XREADGROUP creates it only with its first entry. (pcall: reading
-- works also for a Redis user without this right.)
redis.pcall('XGROUP', 'CREATECONSUMER', stream_key, group, consumer)

local late_before = tonumber(late_ms) > 0 and now_ms() - tonumber(late_ms) or 0
local younger_waits -- read once, and only if an entry is late
local function is_urgent(flat)
  for i = 1, #flat, 2 do
    if flat[i] == 'decision' and string.find(string.upper(flat[i + 1]), urgent_decision, 1, true) then return true end
  end
  return false
end
local function makes_way(added, flat)
  if added >= late_before or is_urgent(flat) then return false end
  if younger_waits == nil then
    local newest = map(redis.call('XINFO', 'STREAM', stream_key))['last-generated-id']
    younger_waits = tonumber(string.match(newest, '^%d+')) >= late_before
  end
  return younger_waits
end

local entries, aside = {}, 0
repeat
  local wanted = room - #entries
  local reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', wanted, 'STREAMS', stream_key, '>')
  local found = reply and reply[1] and reply[1][2] or {}
  for _, entry in ipairs(found) do
    if makes_way(entry_time(entry[1], first_seen_key, counters_key, ahead_counter), entry[2]) then
      -- No task has received it yet, so it has no deliveries.
      redis.call('XCLAIM', stream_key, group, waiting_consumer, 0, entry[1], 'RETRYCOUNT', 0, 'JUSTID')
      aside = aside + 1
    else
      copy_entry(copy_key_prefix .. entry[1], entry[2], copy_ttl_sec, copy_max_bytes)
      entries[#entries + 1] = entry
    end
  end
until #found < wanted or #entries >= room or aside >= tonumber(late_limit)
return { 'ok', text(now_ms()), room - #entries, entries, aside }
