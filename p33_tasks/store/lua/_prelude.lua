-- Shared by the scripts: in front of each goes what it reads of this, and what that reads.

-- The longest pause a venue asks for (Binance: bans of up to 3 days).
local MOST_PAUSE_MS = 3 * 86400 * 1000

-- The one clock: the server's own, in milliseconds.
local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- A field of INFO that holds hex digits, '' where there is none. Found by a plain search: a pattern is tried at every
-- character before it, and takes longer than INFO itself.
local function hex_in(info, name)
  local _, at = string.find(info, name .. ':', 1, true)
  return at and string.match(info, '^%x+', at + 1) or ''
end

-- This life of the server: another one may have forgotten what we rely on. Asked once: INFO is dear.
local known_run_id
local function run_id(info)
  known_run_id = known_run_id or hex_in(info or redis.call('INFO', 'server'), 'run_id')
  return known_run_id
end

local function type_of(key)
  local reply = redis.call('TYPE', key)
  return type(reply) == 'table' and reply.ok or reply
end

-- This life of the store, an opaque text: the server's run, its replication history (a promotion begins another one, also
-- on a server that was primary before), and our own epoch (FLUSHALL takes it away). '' where the epoch is missing: then
-- nothing that is stored can be trusted until a refresh has begun a new life (CONTRACT section 3).
local function life(epoch_key, info)
  local epoch = redis.pcall('GET', epoch_key)
  if type(epoch) ~= 'string' then return '' end
  local history = hex_in(redis.call('INFO', 'replication'), 'master_replid')
  return redis.sha1hex(run_id(info) .. '/' .. history .. '/' .. epoch)
end

-- Whether something that was written in a life belongs to the current one. What version 0.1 wrote names none; it counts
-- by run_id alone, and only while P33_ACCEPT_OLD_LIFE says so.
local function is_of_life(found, current, accept_old_life)
  if current == '' then return false end
  if not found or found == '' then return accept_old_life == '1' end
  return found == current
end

-- nil when the key is absent or of the type, else the refusal to return. Called before the first write, so that
-- a foreign value under one of our keys can't leave half of an act behind.
local function expect(key, wanted)
  local found = type_of(key)
  if found == 'none' or found == wanted then return nil end
  return { 'wrong_type', key, found, wanted }
end

-- Milliseconds as text. Lua would write large numbers with an exponent.
local function text(number)
  return string.format('%.0f', number)
end

-- A number as this service writes it: digits only. tonumber alone would also take '0x10', ' 5 ', 'nan' and '1e400',
-- which the Python side refuses: the two would then see different facts. nil for anything else.
local function whole(value)
  if value and #value <= 14 and string.find(value, '^%d+$') then return tonumber(value) end
  return nil
end

-- The time of a HASH that has a `_ms` field and an older `_epoch` twin in whole seconds; the first is used when
-- present. nil when there is none, or when it is 0; nil and true when what is there is no time.
local function twin_time(ms, epoch)
  local raw, unit = ms, 1
  if not raw or raw == '' then raw, unit = epoch, 1000 end
  if not raw or raw == '' then return nil end
  local value = whole(raw)
  if not value or value * unit >= 1e14 then return nil, true end
  return value > 0 and value * unit or nil
end

-- Values of a HASH's fields, all absent where there is no such key; nil where it holds another type. It is asked once: each
-- command costs a script more than Redis.
local function values_of(key, ...)
  local found = redis.pcall('HMGET', key, ...)
  return not found.err and found or nil
end

-- Whether a position is one of its symbol's, and its snapshot part of the symbol's latest. The symbol's own key tells the
-- mode: in hedge mode the positions are the legs, else the symbol's own. A leg's snapshot counts only beside a symbol's of
-- the same request and life: alone it may be from before a switch of the mode, however young it is.
local function is_of_mode(position_side, symbol_snapshot_key, ts_ms, snapshot_life)
  local s = values_of(symbol_snapshot_key, 'position_mode', 'ts_ms', 'life', 'position_amt')
  if not (s and s[4]) then return false end
  if position_side == 'BOTH' then return s[1] ~= 'hedge' end
  return s[1] == 'hedge' and ts_ms and s[2] == ts_ms and s[3] == snapshot_life
end

-- Which of a symbol's other positions are judged by where a position isn't, after a switch of the mode; `others` have the
-- field `position`.
local function used_instead(symbol_snapshot_key, symbol, position, others)
  local mode = type_of(symbol_snapshot_key) == 'hash' and redis.call('HGET', symbol_snapshot_key, 'position_mode')
  local is_hedge, found = mode == 'hedge', {}
  if (not is_hedge and mode ~= 'one_way') or is_hedge == (position ~= symbol) then return found end
  for _, other in ipairs(others) do
    if is_hedge == (other.position ~= symbol) then found[#found + 1] = other end
  end
  return found
end

-- A consumption is a write barrier: until the time in which its order may be sent was over, and the venue shows what
-- was matched then, a snapshot may not show the order. Whether one was requested before that; a stored barrier that
-- isn't a time leaves doubt.
local function before_barrier(fetched, stored_barrier, read_lag)
  local barrier, unreadable = twin_time(stored_barrier)
  return unreadable or (barrier and fetched < barrier + tonumber(read_lag)) or false
end

-- Moves a ledger's barrier later; whether it was earlier.
local function raise_barrier(ledger, until_ms)
  if until_ms <= (twin_time(redis.call('HGET', ledger, 'barrier_ms')) or 0) then return false end
  redis.call('HSET', ledger, 'barrier_ms', text(until_ms))
  return true
end

-- The values of a HASH's fields as one text, to compare them with what a verdict was made from; of another type its name.
-- And the value of its `ts_ms`, where the names have that.
local function stored_text(key, names)
  local found = values_of(key, unpack(names))
  if not found then return type_of(key) end
  local parts, any, ts_ms = {}, false, nil
  for at, value in ipairs(found) do
    parts[at] = value and #value .. ':' .. value or '-'
    if names[at] == 'ts_ms' then ts_ms = value end
    any = any or value
  end
  return any and table.concat(parts, ',') or 'none', ts_ms
end

-- A `_sec` field of a limit in milliseconds: nil where there is none, nil and true where it can't be read. Python reads
-- the same texts (`contract/limits.py`), and some that this refuses (an exponent): doubt is on the safe side here.
local function limit_ms(key, field)
  local found = type_of(key)
  if found == 'none' then return nil end
  local value = found == 'hash' and redis.call('HGET', key, field)
  if found == 'hash' and not value then return nil end
  local sec, part = string.match(value or '', '^(%d+)%.?(%d*)$')
  if not sec or #sec > 5 or #part > 3 then return nil, true end
  return tonumber(sec) * 1000 + tonumber(string.sub(part .. '000', 1, 3))
end

-- A limit of time in force for a symbol, as `domain/limits.py` has it; nil where what is stored can't be read.
-- looser(value, configured): whether an operator's value counts only until `expires_ms`.
local MAX_LOOSER_MS = 86400 * 1000
local MOST_COOLDOWN_MS = 86400 * 1000
local function limit_in_force(key, field, configured_ms, now, looser)
  local configured, value, unreadable = tonumber(configured_ms), limit_ms(key, field)
  if unreadable then return nil end
  if not value or not looser(value, configured) then return value or configured end
  local expires = whole(redis.call('HGET', key, 'expires_ms'))
  return expires and now < expires and expires <= now + MAX_LOOSER_MS and value or configured
end

-- The cooldown in force for a symbol, ms; nil where a stored limit can't be read.
local function cooldown_in_force(limits_key, adaptive_key, configured_ms, now)
  local own, unreadable = limit_ms(adaptive_key, 'cooldown_sec')
  local value = limit_in_force(limits_key, 'cooldown_sec', configured_ms, now, function(a, b) return a < b end)
  if unreadable or not value then return nil end
  return math.max(value, own or 0)
end

-- Counting never ends an act half-way: a foreign value in the counter's place gives way.
local function count(counters, field, by)
  local reply = redis.pcall('HINCRBY', counters, field, by or 1)
  if type(reply) == 'table' and reply.err then redis.call('HSET', counters, field, by or 1) end
end

-- The time that an entry's age counts from, ms: the earlier of the time in its id and its first reading. Of an id more
-- than a second ahead of TIME, that is remembered: by its id such an entry would never grow old.
local MAX_AHEAD_MS = 1000
local function entry_time(id, first_seen, counters, counter)
  local added, now = tonumber(string.match(id, '^%d+')), now_ms()
  local seen = whole(redis.call('HGET', first_seen, id))
  if not seen and added > now + MAX_AHEAD_MS then
    seen = now
    redis.call('HSET', first_seen, id, text(now))
    redis.call('EXPIRE', first_seen, 3600)
    count(counters, counter)
  end
  return seen and seen < added and seen or added
end

-- Keeps an entry's fields apart from its stream, for the task that applies them after a producer trimmed the stream. The
-- number in front is when the copy was last sent as a task, ms.
local function copy_entry(key, flat, ttl_sec, max_bytes)
  if tonumber(ttl_sec) == 0 then return end
  local size = 0
  for _, part in ipairs(flat) do size = size + #part end
  if size <= tonumber(max_bytes) then
    redis.call('SET', key, '0\n' .. cjson.encode(flat), 'EX', ttl_sec)
  end
end

-- An event of a position in the audit stream; the leg is named in hedge mode.
local function audit_event(audit_key, maxlen, event, symbol, position_side, ...)
  local about = { 'event', event, 'symbol', symbol }
  if position_side ~= 'BOTH' then about = { 'event', event, 'symbol', symbol, 'position_side', position_side } end
  for _, value in ipairs({ ... }) do about[#about + 1] = value end
  redis.call('XADD', audit_key, 'MAXLEN', '~', maxlen, '*', unpack(about))
end

-- Add one observation to a histogram kept in the counters HASH: bucket bounds and value in the same unit.
local function observe(counters, name, bounds, value)
  local bucket = '+Inf'
  for bound in string.gmatch(bounds, '[^,]+') do
    if value <= tonumber(bound) then
      bucket = bound
      break
    end
  end
  count(counters, name .. '|bucket|' .. bucket)
  count(counters, name .. '|sum', text(math.max(0, math.floor(value))))
end

-- What the header of a script declares as a group, `name[]`: the values from a place on, ...
local function values_from(list, first)
  local values = {}
  for at = first, #list do values[#values + 1] = list[at] end
  return values
end

-- ... or, where it names parts, a table of parts for each.
local function groups_from(list, first, parts)
  local groups = {}
  for at = first, #list, #parts do
    local group = {}
    for i, part in ipairs(parts) do group[part] = list[at + i - 1] end
    groups[#groups + 1] = group
  end
  return groups
end

