-- Unknown outcomes. Shared by the scripts; needs _holds.lua.

-- Whether a stream entry was added before another; false if one of the ids is invalid.
local function is_before(id, than)
  local ms, seq = string.match(id or '', '^(%d+)%-(%d+)$')
  local than_ms, than_seq = string.match(than or '', '^(%d+)%-(%d+)$')
  ms, seq, than_ms, than_seq = tonumber(ms), tonumber(seq), tonumber(than_ms), tonumber(than_seq)
  return ms and than_ms and (ms < than_ms or (ms == than_ms and seq < than_seq)) or false
end

-- The plan whose consumption's outcome is unknown: it blocks the position, by its reservation and then by a hold. nil for
-- none ('': a person ended it).
local function unknown_plan(ledger)
  local plan_id = type_of(ledger) == 'hash' and redis.call('HGET', ledger, 'unknown_plan_id')
  return plan_id and plan_id ~= '' and plan_id or nil
end

-- Sets the service's hold for a consumption of unknown outcome; `h` as for set_service_hold, without a reason.
local OUTCOME_UNKNOWN = 'outcome_unknown'
local function hold_unknown(h, plan_id)
  h.reason, h.ends, h.by = OUTCOME_UNKNOWN, 'outcome', 'plan ' .. plan_id
  h.evidence_json = cjson.encode({ id = OUTCOME_UNKNOWN .. ':' .. plan_id, plan_id = plan_id })
  return set_service_hold(h)
end

-- A plan's outcome has become known: ends the hold for it. From a hold with other reasons only its part is removed.
local function end_unknown(ledger, hold_key, plan_id, audit, maxlen, position)
  if unknown_plan(ledger) == plan_id then redis.call('HDEL', ledger, 'unknown_plan_id') end
  local read, hold = pcall(cjson.decode, type_of(hold_key) == 'string' and redis.call('GET', hold_key) or '')
  if not read or type(hold) ~= 'table' or type(hold.evidence) ~= 'table' then return end
  local left, ended = {}, false
  for _, one in ipairs(hold.evidence) do
    if type(one) == 'table' and one.reason == OUTCOME_UNKNOWN and one.plan_id == plan_id then
      ended = true
    else
      left[#left + 1] = one
    end
  end
  if not ended then return end
  -- Evidence that was cut may still be valid.
  if hold.cut and not left[1] then left[1] = { id = 'cut', reason = 'unreadable', since_ms = hold.since_ms } end
  if left[1] then
    local first = type(left[1]) == 'table' and left[1].reason or 'unreadable'
    hold.evidence, hold.reason, hold.by, hold.reduced_ms = left, first, nil, now_ms()
    hold.ends = ends_of(hold)
    redis.call('SET', hold_key, cjson.encode(hold))
  else
    redis.call('DEL', hold_key)
  end
  -- pcall: the rest must be done even if the stream's ids are used up.
  redis.pcall('XADD', audit, 'MAXLEN', '~', maxlen, '*', 'event', left[1] and 'service_hold_reduced' or
    'service_hold_released', 'symbol', position, 'by', 'p33', 'why', 'the outcome of plan ' .. plan_id .. ' is known')
end

-- The plans whose hold of this kind a person ended, the latest first: another result with an unknown outcome sets no hold
-- for them.
local function released_plans(ledger)
  local text = type_of(ledger) == 'hash' and redis.call('HGET', ledger, 'unknown_released')
  local read, plans = pcall(cjson.decode, text or '')
  return read and type(plans) == 'table' and plans or {}
end

-- Whether an unknown outcome was settled by a later result, a repair or a person. An unknown outcome reported after a
-- result counts again: the executor may doubt that result, or another part of the order may follow.
-- settled: the recorded outcome of the consumption; said: the entry with the unknown outcome; positions: the symbol's.
local function is_answered(settled, said, plan_id, positions)
  if settled == 'repaired' or is_before(said, settled) then return true end
  for _, at in ipairs(positions) do
    for _, released in ipairs(released_plans(at.ledger)) do
      if released == plan_id then return true end
    end
  end
  return false
end

-- Blocks a position for a consumption of unknown outcome: by a longer reservation up to the limit; after the limit, or if
-- another plan has the reservation, by the service's hold. `h` as for set_service_hold, and `ledger`.
local function hold_for_outcome(h, plan_id, now, consumed_ms, unknown_ms, ledger_ttl_sec)
  local reserved_by = redis.call('GET', h.reservation)
  local left = math.min((twin_time(consumed_ms) or 0) + tonumber(unknown_ms) - now, tonumber(unknown_ms))
  local unknown = unknown_plan(h.ledger) or plan_id
  if left <= 0 or (reserved_by or plan_id) ~= plan_id or unknown ~= plan_id or expect(h.ledger, 'hash') then
    hold_unknown(h, plan_id)
    return 'held'
  end
  redis.call('HSET', h.ledger, 'unknown_plan_id', plan_id)
  redis.call('EXPIRE', h.ledger, ledger_ttl_sec)
  if left > redis.call('PTTL', h.reservation) then
    redis.call('SET', h.reservation, plan_id, 'PX', text(left))
  end
  return reserved_by and 'renewed' or 'taken'
end

-- At a change of the position mode, unknown outcomes and holds that a result or a person must end move from the old mode's
-- positions to the new mode's. `over` collects them: plans of unknown outcome, plans that a person released, and evidence
-- of holds. A hold for a drift isn't moved: its ledger ends with the old mode.
local function hand_over(over, h, ledger)
  over.plans[#over.plans + 1] = unknown_plan(ledger)
  for _, plan_id in ipairs(released_plans(ledger)) do over.released[#over.released + 1] = plan_id end
  local held = type_of(h.hold)
  if held == 'none' then return end
  local read, hold = pcall(cjson.decode, held == 'string' and redis.call('GET', h.hold) or '')
  if not read or type(hold) ~= 'table' then hold = {} end
  if hold.ends == 'agreement' or hold.ends == 'adoption' then return end
  local before = #over.plans + #over.holds
  for _, one in ipairs(type(hold.evidence) == 'table' and hold.evidence or {}) do
    if type(one) == 'table' and one.reason == OUTCOME_UNKNOWN and type(one.plan_id) == 'string' then
      over.plans[#over.plans + 1] = one.plan_id
    elseif type(one) == 'table' then
      over.holds[#over.holds + 1] = one
    end
  end
  -- A foreign value is a hold too.
  if #over.plans + #over.holds == before then over.holds[#over.holds + 1] = { reason = 'unreadable' } end
  redis.call('DEL', h.hold)
  redis.pcall('XADD', h.audit, 'MAXLEN', '~', h.audit_maxlen, '*', 'event', 'service_hold_released', 'symbol', h.position,
    'by', 'p33', 'why', 'another position mode: its positions are held instead')
end

local function take_over(over, h, ledger)
  local released, plans = {}, {}
  for _, plan_id in ipairs(over.released) do
    if not released[plan_id] and #plans < MOST_EVIDENCE then plans[#plans + 1] = plan_id end
    released[plan_id] = true
  end
  if plans[1] then redis.call('HSET', ledger, 'unknown_released', cjson.encode(plans)) end
  for _, one in ipairs(over.holds) do
    h.reason, h.ends, h.by = type(one.reason) == 'string' and one.reason or 'unreadable', 'person', nil
    one.id = one.id or 'another position mode'
    h.evidence_json = cjson.encode(one)
    set_service_hold(h)
  end
  for _, plan_id in ipairs(over.plans) do
    if not released[plan_id] then hold_unknown(h, plan_id) end
  end
end
