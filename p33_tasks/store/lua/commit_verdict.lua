-- Commits a verdict: decision, permit, reservation, audit entry, counters and acknowledgement, or nothing. The verdict is
-- the caller's, or one prepared for such a plan. For both, the facts are compared again.
--
-- KEYS
--   decision_key     STRING: the plan's decision
--   permit_key       STRING: the plan's permit
--   reservation_key  STRING: plan_id of the position's reservation
--   hold_key         STRING: an operator's hold on the symbol
--   service_hold_key  STRING: the service's hold on the position
--   audit_key        STREAM: operator and ledger events; only used for an emergency close
--   events_key       STREAM: events of reconciliation; as above
--   snapshot_key     HASH: the position's snapshot
--   symbol_snapshot_key  HASH: the symbol's own snapshot, which shows the mode
--   ledger_key       HASH: the position's ledger
--   decisions_key    STREAM: every verdict with its inputs
--   counters_key     HASH: counters
--   plans_key        STREAM: plans; only used with an entry_id
--   limits_key       HASH: an operator's limits of the symbol
--   adaptive_key     HASH: the adapted cooldown
--   epoch_key        STRING: the store's epoch, part of its life
--   market_key       HASH: the symbol's market rules
--   resting_key      HASH: the resting orders that reduce the position
--   prepared_key     STRING, JSON: the allow that was prepared for such a plan; only used to promote it
--   first_seen_key   HASH: when an entry id ahead of TIME was first read, ms; only used with an entry_id
-- ARGV
--   verdict                 'allow' | 'deny'
--   decision_json           the decision as stored
--   permit_json             the permit as stored ('' where it is the decision)
--   decision_ttl_ms         the decision's time to live
--   permit_expires_ms       Redis time at which an allow ends
--   permit_ttl_ms           time to live of a deny's permit
--   reservation_ttl_ms      the reservation's time to live
--   plan_id                 the plan
--   symbol                  the venue's id
--   symbol_label            the position's key, or '_other' outside the allowlist
--   position_side           'BOTH', or the leg in hedge mode
--   reason                  of a deny ('' for an allow)
--   decisions_maxlen        approximate maximum of entries in the decisions stream
--   inputs_json             all inputs of the verdict
--   group                   consumer group
--   entry_id                the plan's stream entry ('' for none)
--   plan_issued_ms          the plan's time (0 for unknown)
--   plan_max_age_ms         a plan older than this gets no allow
--   stale_threshold_ms      a snapshot older than this gets no allow
--   read_lag_ms             how long the venue's position may not show an order
--   evaluation_us           how long the evaluation took
--   evaluation_buckets_us   histogram bounds, joined by commas
--   latency_buckets_ms      histogram bounds, joined by commas
--   evaluated_run_id        the facts of an allow, here and below ('' for a deny): run_id of Redis
--   evaluated_life          the store's life
--   evaluated_position_amt  the snapshot's position_amt as stored
--   evaluated_ts_ms         the snapshot's time
--   evaluated_source        the snapshot's source
--   accept_old_life         1: a snapshot of version 0.1, without a life, is checked by run_id
--   evaluated_ledger_amt    the ledger's last_known_amt as stored
--   evaluated_order_ms      the ledger's last order time ('' for none)
--   evaluated_market        the market rules as stored
--   evaluated_limits        the operator's limits as stored
--   evaluated_adaptive      the adapted cooldown as stored
--   evaluated_resting       resting orders as stored
--   subtract_resting        1: they limit the quantity of an allow
--   resting_max_age_ms      older ones count as unknown
--   limits_until_ms         end of a looser limit ('' for none)
--   cooldown_ms             least time since the last order
--   market_max_age_ms       older market rules count as unknown
--   promote                 1: the verdict, its texts, and what was evaluated come from prepared_key
--   policy_digest           digest of the configuration of the promoting process
--   plan_id_json            the plan_id as JSON
--   action_json             the plan's action as JSON
--   emergency               '1' for a signed emergency close, which passes service holds and an unknown ledger; else ''
--   passes_operator_hold    1: ... and an operator's hold, as a person requested
--   event_id                of an emergency close: its event's id
--   event_json              its event's other fields, a JSON object of texts
-- Returns {'committed', the decision where it was promoted, else ''} | {'exists'} (acknowledged)
--       | {'moved', what} (nothing written) | {'wrong_type', ...}

local wrong = expect(decisions_key, 'stream') or expect(counters_key, 'hash')
if not wrong and emergency == '1' then wrong = expect(audit_key, 'stream') or expect(events_key, 'stream') end
if wrong then return wrong end
if entry_id ~= '' then
  wrong = expect(plans_key, 'stream')
  if wrong then return wrong end
end

local function acknowledge()
  if entry_id ~= '' then
    redis.call('XACK', plans_key, group, entry_id)
    -- An entry whose id is ahead of TIME is never promoted. pcall: the value is no longer needed.
    if promote ~= '1' then redis.pcall('HDEL', first_seen_key, entry_id) end
  end
end

if redis.call('EXISTS', decision_key) == 1 then
  wrong = expect(decision_key, 'string')
  if wrong then return wrong end
  acknowledge()
  return { 'exists' }
end

local now = now_ms()
local ttl = tonumber(permit_ttl_ms)

local function moved(what)
  if promote == '1' then count(counters_key, 'p33_prepared_total|moved') end
  return { 'moved', what }
end

-- Milliseconds as exact seconds, as Python writes them into JSON: 1.25, and 2 instead of 2.000.
local function seconds_of(ms)
  local sec, part = math.floor(ms / 1000), string.gsub(string.format('%03d', ms % 1000), '0+$', '')
  return text(sec) .. (part ~= '' and '.' .. part or '')
end

-- Joins a text whose every second piece is the name of a place.
local function written(pieces, places)
  for at = 2, #pieces, 2 do pieces[at] = places[pieces[at]] end
  return table.concat(pieces)
end

local p -- the prepared verdict
if promote == '1' then
  local prepared = redis.pcall('GET', prepared_key)
  if type(prepared) ~= 'string' then
    count(counters_key, 'p33_prepared_total|none')
    return { 'moved', 'nothing_prepared' }
  end
  p = cjson.decode(prepared)
  if p.policy_digest ~= policy_digest then return moved('policy') end
  evaluated_run_id, evaluated_life, evaluated_source = p.run_id, p.life, p.source
  evaluated_position_amt, evaluated_ts_ms = p.position_amt, p.ts_ms
  evaluated_ledger_amt, evaluated_order_ms = p.ledger_amt, p.order_ms
  evaluated_market, evaluated_limits, evaluated_adaptive = p.market, p.limits, p.adaptive
  evaluated_resting = p.resting
  stale_threshold_ms, cooldown_ms, limits_until_ms = p.stale_threshold_ms, p.cooldown_ms, p.limits_until_ms
  reservation_ttl_ms = p.reservation_ttl_ms
  permit_expires_ms = text(now + ttl)
end

if verdict == 'allow' then
  -- Check again by the current time and facts (CONTRACT section 6).
  if redis.call('EXISTS', hold_key, service_hold_key, reservation_key) > 0 then
    if passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1 then return moved('hold') end
    if emergency ~= '1' and redis.call('EXISTS', service_hold_key) == 1 then return moved('service_hold') end
    if redis.call('EXISTS', reservation_key) == 1 then return moved('reservation') end
  end
  local s = values_of(snapshot_key, 'position_amt', 'ts_ms', 'ts_epoch', 'source', 'run_id', 'life', 'position_mode')
  local l = values_of(ledger_key, 'last_known_amt', 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms',
    'unknown_plan_id')
  -- A snapshot without a time, or a missing ledger, is unknown; an emergency close passes the latter.
  if not s or not l or not (l[1] or emergency == '1') then return moved('type') end
  if run_id() ~= evaluated_run_id then return moved('run_id') end
  local current_life = life(epoch_key)
  if current_life == '' or current_life ~= evaluated_life then return moved('life') end

  local fetched = twin_time(s[2], s[3])
  if s[1] ~= evaluated_position_amt or not fetched or fetched ~= tonumber(evaluated_ts_ms)
      or s[4] ~= evaluated_source or s[5] ~= evaluated_run_id
      or not is_of_life(s[6], current_life, accept_old_life) then
    return moved('snapshot')
  end
  -- In one-way mode the position's snapshot is the symbol's own, and its mode was read with it.
  local is_symbols_own = snapshot_key == symbol_snapshot_key and s[7] ~= 'hedge'
  if not is_symbols_own and not is_of_mode(position_side, symbol_snapshot_key, s[2], s[6]) then return moved('mode') end
  if fetched > now or now - fetched > tonumber(stale_threshold_ms) then return moved('snapshot_age') end

  local ordered, unreadable = twin_time(l[2], l[3])
  if (l[1] or '') ~= evaluated_ledger_amt or unreadable or (ordered and text(ordered) or '') ~= evaluated_order_ms then
    return moved('ledger')
  end
  if ordered and now - math.min(ordered, now) < tonumber(cooldown_ms) then return moved('cooldown') end
  if before_barrier(fetched, l[4], read_lag_ms) then return moved('barrier') end
  -- The reservation for an unknown outcome has ended, and the hold after it may not be set yet.
  if emergency ~= '1' and l[5] and l[5] ~= '' then return moved('unknown') end

  local market, market_ms = stored_text(market_key, MARKET_FIELDS)
  if market ~= evaluated_market then return moved('market') end
  local rules_ms = twin_time(market_ms)
  if not rules_ms or rules_ms > now or now - rules_ms > tonumber(market_max_age_ms) then return moved('market_age') end
  if subtract_resting == '1' then
    local resting, resting_ms = stored_text(resting_key, RESTING_FIELDS)
    if resting ~= evaluated_resting then return moved('resting') end
    local asked_ms = twin_time(resting_ms)
    if not asked_ms or asked_ms > now or now - asked_ms > tonumber(resting_max_age_ms) then return moved('resting_age') end
  end
  local limits, adaptive = 'none', 'none'
  if redis.call('EXISTS', limits_key, adaptive_key) > 0 then
    limits, adaptive = stored_text(limits_key, LIMITS_FIELDS), stored_text(adaptive_key, ADAPTIVE_FIELDS)
  end
  if limits ~= evaluated_limits then return moved('limits') end
  if adaptive ~= evaluated_adaptive then return moved('adaptive_limits') end
  if limits_until_ms ~= '' and now >= tonumber(limits_until_ms) then return moved('limits_age') end

  if now - tonumber(plan_issued_ms) > tonumber(plan_max_age_ms) then return moved('plan_age') end
  ttl = tonumber(permit_expires_ms) - now
  if ttl <= 0 then return moved('permit_age') end

  if p then
    local barrier = twin_time(l[4])
    local places = { plan_id = plan_id_json, action = action_json, issued_ms = plan_issued_ms, now_ms = text(now),
      now_sec = text(math.floor(now / 1000)), expires_ms = permit_expires_ms,
      snapshot_age_sec = seconds_of(now - fetched), barrier_ms = barrier and text(barrier) or 'null' }
    decision_json = written(p.permit, places)
    inputs_json = written(p.inputs, places)
  end
end

-- First the write that can fail: a stream whose last id is the greatest possible accepts no more entries.
redis.call('XADD', decisions_key, 'MAXLEN', '~', decisions_maxlen, '*', 'plan_id', plan_id, 'symbol', symbol,
  'allow', verdict == 'allow' and 'true' or 'false', 'reason', reason, 'verdict', decision_json, 'inputs', inputs_json)
if verdict == 'allow' then redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms) end
redis.call('SET', decision_key, decision_json, 'PX', decision_ttl_ms)
redis.call('SET', permit_key, permit_json ~= '' and permit_json or decision_json, 'PX', text(ttl))
count(counters_key, 'p33_permit_total|' .. symbol_label .. '|' .. verdict)
if verdict == 'deny' then count(counters_key, 'p33_denial_total|' .. symbol_label .. '|' .. reason) end
if promote == '1' then
  count(counters_key, 'p33_prepared_total|hit')
else
  observe(counters_key, 'p33_evaluation_duration_seconds', evaluation_buckets_us, tonumber(evaluation_us))
end
if tonumber(plan_issued_ms) > 0 then
  observe(counters_key, 'p33_permit_latency_seconds', latency_buckets_ms, math.max(0, now - tonumber(plan_issued_ms)))
end
if emergency == '1' then
  local about = cjson.decode(event_json)
  local answer = verdict == 'allow' and 'allow' or reason
  audit_event(audit_key, decisions_maxlen, 'emergency_close', symbol, position_side, 'plan_id', plan_id, 'by', about.by,
    'why', about.why, 'now', about.now, 'verdict', answer)
  local flat = { 'event_id', event_id, 'event', 'emergency', 'verdict', answer }
  for name, value in pairs(about) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  redis.call('XADD', events_key, 'MAXLEN', '~', decisions_maxlen, '*', unpack(flat))
  count(counters_key, 'p33_emergency_close_total|' .. symbol_label .. '|' .. verdict)
end
acknowledge()
return { 'committed', promote == '1' and decision_json or '' }
