-- Takes pending entries that were idle for too long, of whatever consumer, so that they are sent again: idle for
-- base x 2^(deliveries - 1). One whose body was trimmed away is acknowledged and counted; not before its task, which
-- has the body, had its time: acknowledged here, a fill would be lost that is being recorded there.
--
-- KEYS 1 stream  2 counters
-- ARGV 1 group  2 consumer  3 window  4 slow: entries delivered more often than this don't fill the window
--      5 ... up to this many  6 counters field  7 base ms  8 most ms  9 start ('-', or '(' and the last id seen)
--      10 most entries to take  11 idle ms after which a trimmed entry is given up
-- Returns {'ok', now ms, next start ('' at the end), {{id, {field, value, ...}, deliveries before this one}, ...},
--          entries pending in all}
--       | {'no_group'} | {'wrong_type', ...}

local wrong = expect(KEYS[1], 'stream') or expect(KEYS[2], 'hash')
if wrong then return wrong end

local window, slow_after, max_slow = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local base, most, max_taken = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[10])
local PAGE, MAX_PAGES = 100, 20

local own = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', window + max_slow, ARGV[2])
if own.err then
  if string.find(own.err, 'NOGROUP', 1, true) then return { 'no_group' } end
  return redis.error_reply(own.err)
end

-- Delivered in the future, by a clock that has stepped back since: Redis would call it idle for 0 ms until the clock
-- has caught up, and a window full of such entries is deaf for as long. It counts as delivered now. (Redis 7 drops a
-- trimmed entry that is claimed.)
local function delivered_now(id, owner, idle)
  if idle == 0 and #redis.call('XRANGE', KEYS[1], id, id) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], owner, 0, id, 'JUSTID')
  end
end

local fresh, slow = 0, 0
for _, item in ipairs(own) do
  if item[4] > slow_after then slow = slow + 1 else fresh = fresh + 1 end
  delivered_now(item[1], item[2], item[3])
end
-- Other consumers' entries are looked at only where ids prove that the clock stepped back.
local summary = redis.call('XPENDING', KEYS[1], ARGV[1])
local pending, last = summary[1], summary[3]
if last and tonumber(string.match(last, '^%d+')) > now_ms() then
  for _, item in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 10 * PAGE)) do
    delivered_now(item[1], item[2], item[3])
  end
end

local function due_after(deliveries)
  return math.min(base * 2 ^ math.min(deliveries - 1, 30), most)
end

-- What is ours already changes no window when it is sent again; somebody else's needs room.
local function take(id, owner, deliveries)
  if owner ~= ARGV[2] then
    if deliveries > slow_after then
      if slow >= max_slow then return nil end
      slow = slow + 1
    else
      if fresh >= window then return nil end
      fresh = fresh + 1
    end
  end
  local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], text(due_after(deliveries)), id)
  return claimed[1]
end

local taken, start = {}, ARGV[9]
for _ = 1, MAX_PAGES do
  local page = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', text(base), start, '+', PAGE)
  for _, item in ipairs(page) do
    local id, owner, idle, deliveries = item[1], item[2], item[3], item[4]
    start = '(' .. id
    if idle >= due_after(deliveries) then
      if #redis.call('XRANGE', KEYS[1], id, id) == 0 then
        if idle >= tonumber(ARGV[11]) and redis.call('XACK', KEYS[1], ARGV[1], id) == 1 then
          redis.call('HINCRBY', KEYS[2], ARGV[6], 1)
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
