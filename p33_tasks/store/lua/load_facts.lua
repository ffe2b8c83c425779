-- Reads all facts of a verdict at one moment, and the plan's stream entry: a message on the broker only names the plan, its
-- fields come from the stream. Writes only the time of the first reading of an entry id that is ahead of TIME.
--
-- KEYS
--   decision_key     STRING: the plan's decision
--   hold_key         STRING: an operator's hold on the symbol
--   market_key       HASH: the symbol's market rules
--   limits_key       HASH: an operator's limits of the symbol
--   epoch_key        STRING: the store's epoch, part of its life
--   plans_key        STREAM: plans
--   first_seen_key   HASH: when an entry id ahead of TIME was first read, ms
--   counters_key     HASH: counters
--   positions[]      the keys of the symbol's own position, and of both legs if the symbol is known to be in hedge mode
--     .snapshot      HASH: the position's snapshot
--     .ledger        HASH: the position's ledger
--     .service_hold  STRING: the service's hold on the position
--     .reservation   STRING: plan_id of the position's reservation
--     .adaptive      HASH: the service's adapted cooldown of the position
--     .resting       HASH: the resting orders that reduce the position
-- ARGV
--   entry_id       the plan's stream entry ('' for none)
--   group          consumer group
--   ahead_counter  counters field for entry ids ahead of TIME
-- Returns {'decided', entry}  if the plan has a verdict, {'hedge'} if the legs' keys are missing, or
--   {'facts', entry, now_ms, run_id, life, hold, market, limits, position, position, ...} with the symbol's own position, and in
--   hedge mode both legs after it, each as {service hold, reserved_by, reservation_ttl_ms, snapshot,
--   ledger, adaptive limits, resting orders}.
--   Market, limits, snapshot, ledger and resting orders are field values in the order of their lists of fields, or the name of the foreign type
--   found; adaptive limits and resting orders are nil where both are absent.

local decided = type_of(decision_key)
local wrong = decided ~= 'none' and expect(decision_key, 'string')
if not wrong and entry_id ~= '' then wrong = expect(plans_key, 'stream') or expect(first_seen_key, 'hash') end
if wrong then return wrong end

local entry = false
if entry_id ~= '' then
  local found = redis.call('XRANGE', plans_key, entry_id, entry_id)[1]
  local pending = found and {} or redis.pcall('XPENDING', plans_key, group, entry_id, entry_id, 1)
  entry = { text(entry_time(entry_id, first_seen_key, counters_key, ahead_counter)), found and found[2] or false, #pending }
end
if decided ~= 'none' then return { 'decided', entry } end

-- The type is read only if the key is no HASH.
local function fields(key, names)
  return values_of(key, unpack(names)) or type_of(key)
end

local function field_of(values, names, wanted)
  for at, name in ipairs(names) do
    if name == wanted then return values[at] end
  end
end

-- A value of any type is a hold. It is cut at a length that the service's holds don't reach.
local MOST_HOLD_BYTES = 131072
local function hold_of(key)
  local found = type_of(key)
  if found == 'string' then return redis.call('GETRANGE', key, 0, MOST_HOLD_BYTES - 1) end
  return found ~= 'none' and '(a ' .. found .. ')'
end

-- The plan_id of the reservation, and its time to live in ms.
local function reservation_of(key)
  local held = type_of(key)
  if held == 'string' then return redis.call('GET', key), redis.call('PTTL', key) end
  return held ~= 'none' and '(a ' .. held .. ')', -2
end

-- Most positions have neither a hold nor a reservation, and neither limits nor resting orders: one command per pair shows it.
local function position(k)
  local held, reserved_by, ttl, adaptive, resting = false, false, -2, false, false
  if redis.call('EXISTS', k.service_hold, k.reservation) > 0 then
    held = hold_of(k.service_hold)
    reserved_by, ttl = reservation_of(k.reservation)
  end
  if redis.call('EXISTS', k.adaptive, k.resting) > 0 then
    adaptive, resting = fields(k.adaptive, ADAPTIVE_FIELDS), fields(k.resting, RESTING_FIELDS)
  end
  return { held, reserved_by, ttl, fields(k.snapshot, SNAPSHOT_FIELDS), fields(k.ledger, LEDGER_FIELDS), adaptive, resting }
end

local reply = {
  'facts',
  entry,
  text(now_ms()),
  run_id(),
  life(epoch_key),
  hold_of(hold_key),
  fields(market_key, MARKET_FIELDS),
  fields(limits_key, LIMITS_FIELDS),
  position(positions[1]),
}
local snapshot = reply[#reply][4]
if type(snapshot) == 'table' and field_of(snapshot, SNAPSHOT_FIELDS, 'position_mode') == 'hedge' then
  if #positions == 1 then return { 'hedge' } end
  for leg = 2, #positions do reply[#reply + 1] = position(positions[leg]) end
end
return reply
