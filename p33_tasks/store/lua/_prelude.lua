-- Shared by the scripts: each gets the parts of this file that it uses, directly or indirectly.

-- The longest pause of a venue (Binance: bans of up to 3 days).
local MOST_PAUSE_MS = 3 * 86400 * 1000

-- The only clock: the server's, in milliseconds. One run of a script has one time.
local known_now
local function now_ms()
  if not known_now then
    local t = redis.call('TIME')
    known_now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
  end
  return known_now
end

-- A field of INFO with hex digits, '' if missing. By a plain search: a pattern is tried at every character before it, and
-- takes longer than INFO itself.
local function hex_in(info, name)
  local _, at = string.find(info, name .. ':', 1, true)
  return at and string.match(info, '^%x+', at + 1) or ''
end

-- INFO of the server and of its replication. Read once: INFO is slow. Redis 6, whose scripts don't know its version, takes
-- one section per call.
local known_info
local function server_info()
  if not known_info then
    known_info = redis.REDIS_VERSION_NUM and redis.call('INFO', 'server', 'replication')
      or redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
  end
  return known_info
end

-- The server's run_id: after a restart, data may be lost.
local function run_id()
  return hex_in(server_info(), 'run_id')
end

local function type_of(key)
  local reply = redis.call('TYPE', key)
  return type(reply) == 'table' and reply.ok or reply
end

-- This life of the store, an opaque text made of the server's run, its replication history (a promotion begins another one,
-- also on a former primary), and our epoch (which FLUSHALL deletes). '' if the epoch is missing: then no stored value is
-- valid until a refresh has begun a new life (CONTRACT section 3).
local function life(epoch_key)
  local epoch = redis.pcall('GET', epoch_key)
  if type(epoch) ~= 'string' then return '' end
  return redis.sha1hex(run_id() .. '/' .. hex_in(server_info(), 'master_replid') .. '/' .. epoch)
end

-- Whether a value written in a life belongs to the current one. Values of version 0.1 have no life; they are checked by
-- run_id alone, and accepted only with P33_ACCEPT_OLD_LIFE.
local function is_of_life(found, current, accept_old_life)
  if current == '' then return false end
  if not found or found == '' then return accept_old_life == '1' end
  return found == current
end

-- nil if the key is absent or has the type, else the refusal to return. Called before the first write, so that a foreign
-- value in one of our keys can't leave an act half done.
local function expect(key, wanted)
  local found = type_of(key)
  if found == 'none' or found == wanted then return nil end
  return { 'wrong_type', key, found, wanted }
end

-- Milliseconds as text. Lua would write large numbers with an exponent.
local function text(number)
  return string.format('%.0f', number)
end

-- A number as this service writes it: digits only; nil for anything else. tonumber would also accept '0x10', ' 5 ', 'nan'
-- and '1e400', which Python refuses: the two would then see different facts.
local function whole(value)
  if value and #value <= 14 and string.find(value, '^%d+$') then return tonumber(value) end
  return nil
end

-- A time in ms from a `_ms` field, or if that is absent from the older `_epoch` field in whole seconds. nil if there is
-- none, or it is 0; nil and true if the value isn't a time.
local function twin_time(ms, epoch)
  local raw, unit = ms, 1
  if not raw or raw == '' then raw, unit = epoch, 1000 end
  if not raw or raw == '' then return nil end
  local value = whole(raw)
  if not value or value * unit >= 1e14 then return nil, true end
  return value > 0 and value * unit or nil
end

-- Values of a HASH's fields, all absent if there is no such key; nil if it has another type. By one command: in a script,
-- a command's call costs more than its execution.
local function values_of(key, ...)
  local found = redis.pcall('HMGET', key, ...)
  return not found.err and found or nil
end

-- Whether the symbol's mode has this position, and its snapshot is part of the symbol's latest. The symbol's own key shows
-- the mode: in hedge mode the positions are the legs, else the symbol's own. A leg's snapshot is valid only with a symbol's
-- of the same request and life: else it may be from before a change of the mode, at any age.
local function is_of_mode(position_side, symbol_snapshot_key, ts_ms, snapshot_life)
  local s = values_of(symbol_snapshot_key, 'position_mode', 'ts_ms', 'life', 'position_amt')
  if not (s and s[4]) then return false end
  if position_side == 'BOTH' then return s[1] ~= 'hedge' end
  return s[1] == 'hedge' and ts_ms and s[2] == ts_ms and s[3] == snapshot_life
end

-- The symbol's other positions that are in use if a position isn't, after a change of the mode; each of `others` has the
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

-- Whether a snapshot was requested before the barrier of a consumption: until its order could no longer be sent, plus the
-- read lag, a snapshot may not show the order. Also true for a stored barrier that isn't a time.
local function before_barrier(fetched, stored_barrier, read_lag)
  local barrier, unreadable = twin_time(stored_barrier)
  return unreadable or (barrier and fetched < barrier + tonumber(read_lag)) or false
end

-- Moves a ledger's barrier later; returns whether it was earlier.
local function raise_barrier(ledger, until_ms)
  if until_ms <= (twin_time(redis.call('HGET', ledger, 'barrier_ms')) or 0) then return false end
  redis.call('HSET', ledger, 'barrier_ms', text(until_ms))
  return true
end

-- The values of a HASH's fields as one text, to compare with the facts of a verdict; for another type its name. And the
-- value of `ts_ms`, if it is among the names.
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

-- A `_sec` field of a limit in milliseconds: nil if absent, nil and true if it can't be read. Python reads the same texts
-- (`contract/limits.py`), and some that this refuses (an exponent): a refusal here is safe.
local function limit_ms(key, field)
  local found = type_of(key)
  if found == 'none' then return nil end
  local value = found == 'hash' and redis.call('HGET', key, field)
  if found == 'hash' and not value then return nil end
  local sec, part = string.match(value or '', '^(%d+)%.?(%d*)$')
  if not sec or #sec > 5 or #part > 3 then return nil, true end
  return tonumber(sec) * 1000 + tonumber(string.sub(part .. '000', 1, 3))
end

-- A time limit in force for a symbol, as in `domain/limits.py`; nil if the stored value can't be read.
-- looser(value, configured): whether an operator's value is in force only until `expires_ms`.
local MAX_LOOSER_MS = 86400 * 1000
local MOST_COOLDOWN_MS = 86400 * 1000
local function limit_in_force(key, field, configured_ms, now, looser)
  local configured, value, unreadable = tonumber(configured_ms), limit_ms(key, field)
  if unreadable then return nil end
  if not value or not looser(value, configured) then return value or configured end
  local expires = whole(redis.call('HGET', key, 'expires_ms'))
  return expires and now < expires and expires <= now + MAX_LOOSER_MS and value or configured
end

-- The cooldown in force for a symbol, ms; nil if a stored limit can't be read.
local function cooldown_in_force(limits_key, adaptive_key, configured_ms, now)
  local own, unreadable = limit_ms(adaptive_key, 'cooldown_sec')
  local value = limit_in_force(limits_key, 'cooldown_sec', configured_ms, now, function(a, b) return a < b end)
  if unreadable or not value then return nil end
  return math.max(value, own or 0)
end

-- Counts without ever failing: a foreign value in the counter's place is overwritten.
local function count(counters, field, by)
  local reply = redis.pcall('HINCRBY', counters, field, by or 1)
  if type(reply) == 'table' and reply.err then redis.call('HSET', counters, field, by or 1) end
end

-- The start of an entry's age, ms: the earlier of the time in its id and its first reading. The first reading is stored for
-- an id more than a second ahead of TIME: by its id such an entry would expire too late.
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

-- Stores a copy of an entry's fields, for its task if a producer trims the stream. The number at the start is the time when
-- the copy was last sent as a task, ms.
local function copy_entry(key, flat, ttl_sec, max_bytes)
  if tonumber(ttl_sec) == 0 then return end
  local size = 0
  for _, part in ipairs(flat) do size = size + #part end
  if size <= tonumber(max_bytes) then
    redis.call('SET', key, '0\n' .. cjson.encode(flat), 'EX', ttl_sec)
  end
end

-- Adds an event of a position to the audit stream; in hedge mode with the leg.
local function audit_event(audit_key, maxlen, event, symbol, position_side, ...)
  local about = { 'event', event, 'symbol', symbol }
  if position_side ~= 'BOTH' then about = { 'event', event, 'symbol', symbol, 'position_side', position_side } end
  for _, value in ipairs({ ... }) do about[#about + 1] = value end
  redis.call('XADD', audit_key, 'MAXLEN', '~', maxlen, '*', unpack(about))
end

-- Adds one observation to a histogram in the counters HASH; bucket bounds and value in the same unit.
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

-- The values of a group `name[]` in a script's header: from a place on, ...
local function values_from(list, first)
  local values = {}
  for at = first, #list do values[#values + 1] = list[at] end
  return values
end

-- ... or, if it has parts, a table of parts for each.
local function groups_from(list, first, parts)
  local groups = {}
  for at = first, #list, #parts do
    local group = {}
    for i, part in ipairs(parts) do group[part] = list[at + i - 1] end
    groups[#groups + 1] = group
  end
  return groups
end

