-- The service's own holds, and outcomes that are unknown; shared by every script, put in front of each behind _prelude.lua.

-- Whether a stream entry was added before another one; false where one of the two is none.
local function is_before(id, than)
  local ms, seq = string.match(id or '', '^(%d+)%-(%d+)$')
  local than_ms, than_seq = string.match(than or '', '^(%d+)%-(%d+)$')
  ms, seq, than_ms, than_seq = tonumber(ms), tonumber(seq), tonumber(than_ms), tonumber(than_seq)
  return ms and than_ms and (ms < than_ms or (ms == than_ms and seq < than_seq)) or false
end

-- Sets this service's own hold on a position, or adds a reason to the one that is there. `h` has the keys `hold`,
-- `reservation` and `audit`, and `permit_prefix`, `position`, `reason`, `ends`, `evidence_json`, `audit_maxlen`; `by` where
-- one plan is the cause.
-- Executors of version 0.1, and those that only do GET and DEL, don't read the hold: the reserved plan's permit is
-- deleted, and its reservation with it, while that permit is there. An order may follow a consumed one: that reservation
-- stays. Returns {'set' | 'added' | 'unchanged', plan_id of the permit that was withdrawn ('' for none)}.
local MOST_EVIDENCE = 16
local function set_service_hold(h)
  local now, held, word = now_ms(), type_of(h.hold), 'set'
  local evidence = cjson.decode(h.evidence_json)
  evidence.reason, evidence.since_ms, evidence.ends = h.reason, now, h.ends
  local hold = { reason = h.reason, since_ms = now, ends = h.ends, by = h.by, evidence = { evidence } }
  if held ~= 'none' then
    local read, known = pcall(cjson.decode, held == 'string' and redis.call('GET', h.hold) or '')
    if read and type(known) == 'table' and type(known.evidence) == 'table' then
      word = 'added'
      for _, one in ipairs(known.evidence) do
        if type(one) == 'table' and one.id == evidence.id then word = 'unchanged' end
      end
      -- The first reason stays. Where two end differently, only a person ends both.
      if known.ends ~= h.ends then known.ends = 'person' end
      if #known.evidence >= MOST_EVIDENCE then
        table.remove(known.evidence, 2)
        known.cut = true
      end
      known.evidence[#known.evidence + 1] = evidence
      hold = known
    else
      -- Somebody else's value gives way to one that can be read, and holds beside it until a person has looked.
      hold.ends, hold.evidence = 'person', { { id = 'unreadable', reason = 'unreadable', since_ms = now }, evidence }
    end
  end
  -- A permit that was issued under the hold is an emergency close's, which passes it.
  if word == 'unchanged' then return { word, '' } end
  redis.call('SET', h.hold, cjson.encode(hold))
  -- pcall: the hold is what matters, even if the stream's ids are used up.
  redis.pcall('XADD', h.audit, 'MAXLEN', '~', h.audit_maxlen, '*', 'event', 'service_hold_' .. word, 'symbol',
    h.position, 'by', 'p33', 'why', h.reason, 'evidence', h.evidence_json)
  local withdrawn = ''
  if type_of(h.reservation) == 'string' then
    local plan_id = redis.call('GET', h.reservation)
    if redis.call('EXISTS', h.permit_prefix .. plan_id) == 1 then
      redis.call('DEL', h.permit_prefix .. plan_id, h.reservation)
      withdrawn = plan_id
    end
  end
  return { word, withdrawn }
end

-- The plan whose consumption's outcome is unknown: it holds the position, by its reservation and then by a hold. nil for
-- none ('': a person ended it).
local function unknown_plan(ledger)
  local plan_id = type_of(ledger) == 'hash' and redis.call('HGET', ledger, 'unknown_plan_id')
  return plan_id and plan_id ~= '' and plan_id or nil
end

-- Sets the service's hold because of a consumption of unknown outcome; `h` as of set_service_hold, without a reason.
local OUTCOME_UNKNOWN = 'outcome_unknown'
local function hold_unknown(h, plan_id)
  h.reason, h.ends, h.by = OUTCOME_UNKNOWN, 'outcome', 'plan ' .. plan_id
  h.evidence_json = cjson.encode({ id = OUTCOME_UNKNOWN .. ':' .. plan_id, plan_id = plan_id })
  return set_service_hold(h)
end

-- What ends a hold by the evidence that is left: the word that all of it has, else a person. What was cut could have needed
-- one.
local function ends_of(hold)
  local word = not hold.cut and type(hold.evidence[1]) == 'table' and hold.evidence[1].ends or 'person'
  for _, one in ipairs(hold.evidence) do
    if type(one) ~= 'table' or one.ends ~= word then return 'person' end
  end
  return word
end

-- A plan's outcome is known: what it held by its unknown one ends. Of a hold with other reasons only its own part goes.
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
  -- What was cut isn't known to be over.
  if hold.cut and not left[1] then left[1] = { id = 'cut', reason = 'unreadable', since_ms = hold.since_ms } end
  if left[1] then
    local first = type(left[1]) == 'table' and left[1].reason or 'unreadable'
    hold.evidence, hold.reason, hold.by, hold.reduced_ms = left, first, nil, now_ms()
    hold.ends = ends_of(hold)
    redis.call('SET', hold_key, cjson.encode(hold))
  else
    redis.call('DEL', hold_key)
  end
  -- pcall: what follows from a known outcome must happen even if the stream's ids are used up.
  redis.pcall('XADD', audit, 'MAXLEN', '~', maxlen, '*', 'event', left[1] and 'service_hold_reduced' or
    'service_hold_released', 'symbol', position, 'by', 'p33', 'why', 'the outcome of plan ' .. plan_id .. ' is known')
end


-- The plans of which a person ended such a hold, the latest first: an executor that says once more that it doesn't know
-- holds nothing for them.
local function released_plans(ledger)
  local text = type_of(ledger) == 'hash' and redis.call('HGET', ledger, 'unknown_released')
  local read, plans = pcall(cjson.decode, text or '')
  return read and type(plans) == 'table' and plans or {}
end

-- At a switch of the mode, what an answer or a person must end goes over from the positions that were judged by to those
-- that will be. `over` collects it: the plans of unknown outcome, those that a person released, and evidence of holds. A
-- hold because of a drift stays where it is: it is about a ledger that ends with the mode.
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
  -- Somebody else's value holds too.
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
