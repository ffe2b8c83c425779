-- Reads the next entries of a stream for a consumer, never more than its window has room for; counts the entries
-- that a producer trimmed before they were read (Redis 7 numbers its entries; 6.2 can't tell).
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
--   min_room         least room that is worth a read
-- Returns {'ok', now ms, room that is left (0 also where it wasn't worth a read), {{id, {field, value, ...}}, ...}}
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
if room < tonumber(min_room) then return { 'ok', text(now_ms()), 0, {} } end

-- Trimming takes the oldest first: where an entry that was read is still there, no unread one is gone.
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
      -- From here on the group counts what is gone as read, so that nothing is counted twice and its lag is true.
      redis.call('XGROUP', 'SETID', stream_key, group, last, 'ENTRIESREAD', text(gone))
    end
  end
end
count_trimmed()

-- An idle reader is one too: by XREADGROUP alone nobody would hear of it before its first entry. (pcall: a Redis
-- user that may not do this reads all the same.)
redis.pcall('XGROUP', 'CREATECONSUMER', stream_key, group, consumer)
local reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', room, 'STREAMS', stream_key, '>')
local entries = reply and reply[1] and reply[1][2] or {}
for _, entry in ipairs(entries) do
  entry_time(entry[1], first_seen_key, counters_key, ahead_counter)
  copy_entry(copy_key_prefix .. entry[1], entry[2], copy_ttl_sec, copy_max_bytes)
end
return { 'ok', text(now_ms()), room - #entries, entries }
