-- Reads the next entries of a stream for a consumer, never more than its window has room for; counts the entries
-- that a producer trimmed before they were read (Redis 7 numbers its entries; 6.2 can't tell).
--
-- KEYS 1 stream  2 counters
-- ARGV 1 group  2 consumer  3 window  4 slow: entries delivered more often than this don't fill the window
--      5 ... up to this many  6 counters field  7 least room that is worth a read
-- Returns {'ok', now ms, room that is left (0 also where it wasn't worth a read), {{id, {field, value, ...}}, ...}}
--       | {'no_group'} | {'wrong_type', ...}

local wrong = expect(KEYS[1], 'stream') or expect(KEYS[2], 'hash')
if wrong then return wrong end

local function map(flat)
  local m = {}
  for i = 1, #flat, 2 do m[flat[i]] = flat[i + 1] end
  return m
end

local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
if pending.err then
  if string.find(pending.err, 'NOGROUP', 1, true) then return { 'no_group' } end
  return redis.error_reply(pending.err)
end

local own = 0
for _, consumer in ipairs(pending[4] or {}) do
  if consumer[1] == ARGV[2] then own = tonumber(consumer[2]) end
end
local room = tonumber(ARGV[3]) - own
if room < tonumber(ARGV[7]) then
  local slow = 0
  for _, item in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', own, ARGV[2])) do
    if item[4] > tonumber(ARGV[4]) then slow = slow + 1 end
  end
  room = room + math.min(slow, tonumber(ARGV[5]))
end
if room < tonumber(ARGV[7]) then return { 'ok', text(now_ms()), 0, {} } end

-- Trimming takes the oldest first: where an entry that was read is still there, no unread one is gone.
local function count_trimmed()
  local added, length = nil, 0
  local info = map(redis.call('XINFO', 'STREAM', KEYS[1]))
  added, length = info['entries-added'], info['length']
  if not added then return end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = map(flat)
    if group.name == ARGV[1] then
      local last, read, gone = group['last-delivered-id'], group['entries-read'], added - length
      if #redis.call('XRANGE', KEYS[1], '-', last, 'COUNT', 1) > 0 or read == gone then return end
      if read and gone > read then redis.call('HINCRBY', KEYS[2], ARGV[6], text(gone - read)) end
      -- From here on the group counts what is gone as read, so that nothing is counted twice and its lag is true.
      redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', text(gone))
    end
  end
end
count_trimmed()

-- An idle reader is one too: by XREADGROUP alone nobody would hear of it before its first entry. (pcall: a Redis
-- user that may not do this reads all the same.)
redis.pcall('XGROUP', 'CREATECONSUMER', KEYS[1], ARGV[1], ARGV[2])
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room, 'STREAMS', KEYS[1], '>')
local entries = reply and reply[1] and reply[1][2] or {}
return { 'ok', text(now_ms()), room - #entries, entries }
