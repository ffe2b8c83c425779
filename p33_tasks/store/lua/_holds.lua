-- The service's holds. Shared by the scripts; needs _prelude.lua.

-- Sets the service's hold on a position, or adds a reason to an existing one. `h` has the keys `hold`,
-- `reservation` and `audit`, and `permit_prefix`, `position`, `reason`, `ends`, `evidence_json`, `audit_maxlen`; and `by` if
-- one plan is the cause.
-- Executors of version 0.1, and those with only GET and DEL, don't read the hold. So the reserved plan's permit is deleted,
-- and its reservation with it, if that permit still exists. If not, it may be consumed and an order may follow: then the
-- reservation stays.
-- Returns {'set' | 'added' | 'unchanged', plan_id of the permit that was withdrawn ('' for none)}.
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
      -- The first reason stays. If two end differently, only a person ends both.
      if known.ends ~= h.ends then known.ends = 'person' end
      if #known.evidence >= MOST_EVIDENCE then
        table.remove(known.evidence, 2)
        known.cut = true
      end
      known.evidence[#known.evidence + 1] = evidence
      hold = known
    else
      -- A foreign value becomes a readable one, and its part of the hold ends by a person only.
      hold.ends, hold.evidence = 'person', { { id = 'unreadable', reason = 'unreadable', since_ms = now }, evidence }
    end
  end
  -- A permit issued during the hold is an emergency close's, which passes the hold.
  if word == 'unchanged' then return { word, '' } end
  redis.call('SET', h.hold, cjson.encode(hold))
  -- pcall: the hold must be set even if the stream's ids are used up.
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

-- What ends a hold with the remaining evidence: the word common to all of it, else a person; also a person if evidence was
-- cut, because the cut part may need one.
local function ends_of(hold)
  local word = not hold.cut and type(hold.evidence[1]) == 'table' and hold.evidence[1].ends or 'person'
  for _, one in ipairs(hold.evidence) do
    if type(one) ~= 'table' or one.ends ~= word then return 'person' end
  end
  return word
end
