-- Writes snapshots, unless newer ones are stored; renews each ledger's time to live, and begins a ledger if that is allowed.
-- In hedge mode a symbol's own key and both legs are written together, with the same time. If a symbol's mode changed, the
-- state of the old mode's positions is moved to the audit stream, and the new mode's positions begin as new ones.
--
-- KEYS
--   counters_key    HASH: counters
--   audit_key       STREAM: operator and ledger events
--   epoch_key       STRING: the store's epoch, part of its life
--   changes_key     STREAM: changes of positions
--   symbol_keys[]         the keys of each symbol, in the order of positions[]
--     .limits              HASH: an operator's limits of the symbol
--     .snapshot            HASH: the symbol's snapshot
--     .ledger              HASH: the symbol's ledger
--     .origin              STRING: time in ms of the snapshot the ledger began with
--     .reservation         STRING: plan_id of the position's reservation
--     .adaptive            HASH: the service's adapted cooldown of the symbol's own position
--     .service_hold        STRING: the service's hold on the symbol's own position
--     .long_snapshot       HASH: the long leg's snapshot
--     .long_ledger         HASH: the long leg's ledger
--     .long_origin         STRING: time in ms of the snapshot the ledger began with
--     .long_reservation    STRING: plan_id of the long leg's reservation
--     .long_adaptive       HASH: the service's adapted cooldown of the long leg
--     .long_service_hold   STRING: the service's hold on the long leg
--     .short_snapshot      HASH: the short leg's snapshot
--     .short_ledger        HASH: the short leg's ledger
--     .short_origin        STRING: time in ms of the snapshot the ledger began with
--     .short_reservation   STRING: plan_id of the short leg's reservation
--     .short_adaptive      HASH: the service's adapted cooldown of the short leg
--     .short_service_hold  STRING: the service's hold on the short leg
-- ARGV
--   fetched_run_id      run_id of Redis when the request began
--   fetched_life        the store's life then
--   source              venue and host
--   fetched_ms          Redis time when the request began
--   fetched_epoch       the same in whole seconds
--   fetched_iso         the same as text, UTC
--   bootstrap           'deny' | 'adopt': 'adopt': a ledger may begin with a position that isn't flat
--   cooldown_ms         how long after an order a snapshot may not show it
--   read_lag_ms         how long the venue's position may not show an order
--   unknown_ms          longest lifetime of a reservation whose order's outcome is unknown
--   place_window_ms     the longest time ahead at which a barrier is set
--   snapshot_ttl_sec    the snapshot's time to live
--   ledger_ttl_sec      the ledger's time to live
--   audit_maxlen        approximate maximum of entries in the audit stream
--   changes_maxlen      approximate maximum of entries in the stream of changes
--   max_reservation_ms  longest lifetime of a reservation under the configured cooldown (0: any)
--   permit_ttl_ms       longest lifetime of a permit
--   permit_prefix       prefix of the permits' keys
--   adoption_wait_ms    how long after this server's start a position is adopted at the earliest (0: at once)
--   positions[]         the position of each symbol
--     .symbol           the venue's id
--     .position_amt     signed amount
--     .side             of the amount; 'HEDGED' for a symbol in hedge mode, unless both legs are flat
--     .entry_price      '' for unknown
--     .mark_price       '' for unknown
--     .leverage         '' for unknown
--     .unrealized_pnl   '' for unknown
--     .position_mode    'one_way' | 'hedge' | '' if a flat symbol's rows don't show it
--     .legs             JSON: the long leg and the short leg, as above from position_amt to unrealized_pnl ('' for none)
-- Returns {'put', status, status, ...} in the order given: ok | older | other_run | wrong_type | ledger_created
--   | ledger_adopted

local wrong = expect(counters_key, 'hash') or expect(audit_key, 'stream')
if wrong then return wrong end

local now, ts_ms = now_ms(), tonumber(fetched_ms)
local other_run = run_id() ~= fetched_run_id or fetched_life == '' or life(epoch_key) ~= fetched_life
local started_ms = now - tonumber(string.match(server_info(), 'uptime_in_seconds:(%d+)')) * 1000

local FLAT = { position_amt = '0', side = 'FLAT', entry_price = '', mark_price = '', leverage = '', unrealized_pnl = '' }

local function positions_of(k)
  return
    { side = 'BOTH', snapshot = k.snapshot, ledger = k.ledger, origin = k.origin, reservation = k.reservation,
      limits = k.limits, adaptive = k.adaptive, service_hold = k.service_hold },
    { side = 'LONG', snapshot = k.long_snapshot, ledger = k.long_ledger, origin = k.long_origin,
      reservation = k.long_reservation, limits = k.limits, adaptive = k.long_adaptive,
      service_hold = k.long_service_hold },
    { side = 'SHORT', snapshot = k.short_snapshot, ledger = k.short_ledger, origin = k.short_origin,
      reservation = k.short_reservation, limits = k.limits, adaptive = k.short_adaptive,
      service_hold = k.short_service_hold }
end

-- Shortens a reservation with a longer time to live than any script sets, or without one (a SET without PX, a restored
-- dump): it would block the position for hours, or until a person finds it. The plan's permit is shortened to less, so that
-- an executor with only GET and DEL can't use it when another plan has the reservation.
local function shorten_reservation(at, cooldown)
  local longest = tonumber(max_reservation_ms)
  if longest > 0 then longest = longest + math.max(0, (cooldown or MOST_COOLDOWN_MS) - tonumber(cooldown_ms)) end
  local left = longest > 0 and redis.call('PTTL', at.reservation) or 0
  if left > longest or left == -1 then
    local plan_id = type_of(at.reservation) == 'string' and redis.call('GET', at.reservation)
    -- An unknown outcome has a longer reservation.
    if plan_id and plan_id == unknown_plan(at.ledger) then longest = math.max(longest, tonumber(unknown_ms)) end
    if left > longest or left == -1 then
      redis.call('PEXPIRE', at.reservation, text(longest))
      local permit = permit_prefix .. (plan_id or '')
      local permit_left = plan_id and redis.call('PTTL', permit) or 0
      if permit_left > tonumber(permit_ttl_ms) or permit_left == -1 then redis.call('PEXPIRE', permit, permit_ttl_ms) end
    end
  end
end

local function place_of(symbol, at)
  return at.side == 'BOTH' and symbol or symbol .. ':' .. at.side
end

local function hold_of(symbol, at)
  return { hold = at.service_hold, reservation = at.reservation, audit = audit_key, permit_prefix = permit_prefix,
    position = place_of(symbol, at), audit_maxlen = audit_maxlen }
end

-- If the reservation of a consumption of unknown outcome has ended without a result, the service holds the position. (No
-- plan was allowed in between: every verdict reads the ledger's field for it.)
local function hold_unanswered(symbol, at)
  local plan_id = unknown_plan(at.ledger)
  if not plan_id or (type_of(at.reservation) == 'string' and redis.call('GET', at.reservation) == plan_id) then return end
  hold_unknown(hold_of(symbol, at), plan_id)
end

-- Whether any of the symbol's positions is reserved, also one of the other mode.
local function is_reserved(all)
  local found = false
  for _, at in ipairs(all) do
    if redis.call('EXISTS', at.reservation) == 1 then
      shorten_reservation(at, cooldown_in_force(at.limits, at.adaptive, cooldown_ms, now))
      found = true
    end
  end
  return found
end

-- Begins a ledger, only if no order can be in flight that the snapshot doesn't show (CONTRACT section 3), also none for a
-- position of the symbol's other mode.
local function begin_ledger(symbol, at, row, all, cooldown)
  local flat = row.position_amt == '0'
  -- A lost ledger begins anew if the venue reports the position flat. With a position it waits for an operator.
  if not flat and redis.call('EXISTS', at.origin) == 1 then return 'ok' end
  if not flat and bootstrap ~= 'adopt' then return 'ok' end
  -- A server that has just started may have lost all data, including a consumption whose order may still be sent.
  local wait = tonumber(adoption_wait_ms)
  if not flat and wait > 0 and ts_ms - started_ms < wait then return 'ok' end
  if is_reserved(all) then return 'ok' end
  local l = redis.call('HMGET', at.ledger, 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms')
  local ordered, unreadable = twin_time(l[1], l[2])
  if unreadable or not cooldown or (ordered and ts_ms <= ordered + cooldown) then return 'ok' end
  if before_barrier(ts_ms, l[3], read_lag_ms) then return 'ok' end
  local event = flat and 'ledger_created' or 'ledger_adopted'
  audit_event(audit_key, audit_maxlen, event, symbol, at.side, 'by', 'bootstrap', 'before', '', 'after', row.position_amt,
    'snapshot_ts_ms', fetched_ms, 'source', source)
  redis.call('HSET', at.ledger, 'last_known_amt', row.position_amt, 'last_known_side', row.side,
    'last_update_ts', text(math.floor(now / 1000)))
  redis.call('EXPIRE', at.ledger, ledger_ttl_sec)
  redis.call('SET', at.origin, fetched_ms)
  return event
end

-- Adds a change of the amount to the stream of changes, for readers only, so a foreign value in its key stops no snapshot.
-- Without an earlier snapshot of this venue, the first entry's `before` is empty; a flat position gets none.
local changes_are_kept = not expect(changes_key, 'stream')
local function note_change(symbol, at, row)
  local stored = redis.call('HMGET', at.snapshot, 'position_amt', 'source')
  local before = stored[1]
  if not before or stored[2] ~= source then before = '' end
  if not changes_are_kept or before == row.position_amt or (before == '' and row.position_amt == '0') then return end
  redis.pcall('XADD', changes_key, 'MAXLEN', '~', changes_maxlen, '*',
    'position', place_of(symbol, at), 'before', string.sub(before, 1, 64), 'after', row.position_amt,
    'mark_price', row.mark_price, 'ts_ms', fetched_ms, 'source', source)
end

local function write(at, row, mode)
  redis.call('HSET', at.snapshot, 'position_amt', row.position_amt, 'side', row.side, 'entry_price', row.entry_price,
    'mark_price', row.mark_price, 'leverage', row.leverage, 'unrealized_pnl', row.unrealized_pnl,
    'position_mode', mode, 'ts_epoch', fetched_epoch, 'ts_ms', fetched_ms,
    'ts_iso', fetched_iso, 'source', source, 'run_id', fetched_run_id, 'life', fetched_life)
  redis.call('EXPIRE', at.snapshot, snapshot_ttl_sec)
end

local function keep_ledger(symbol, at, row, all)
  local status, cooldown = 'ok', cooldown_in_force(at.limits, at.adaptive, cooldown_ms, now)
  if redis.call('HEXISTS', at.ledger, 'last_known_amt') == 1 then
    redis.call('SET', at.origin, '0', 'NX')
  else
    status = begin_ledger(symbol, at, row, all, cooldown)
  end
  redis.call('EXPIRE', at.ledger, ledger_ttl_sec)

  -- An order time in the future was stored before the clock stepped back, and would deny for hours; an invalid one would
  -- deny permanently. Both are set to now.
  local l = redis.call('HMGET', at.ledger, 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms')
  local ordered, unreadable = twin_time(l[1], l[2])
  if unreadable or (ordered and ordered > now) then
    redis.call('HSET', at.ledger, 'last_order_time_ms', text(now), 'last_order_time_epoch', text(math.floor(now / 1000)))
  end
  -- The same for a barrier further ahead than any consumption sets: its order may still be sent until then.
  local latest = now + tonumber(place_window_ms)
  local barrier, no_time = twin_time(l[3])
  if no_time or (barrier and barrier > latest) then redis.call('HSET', at.ledger, 'barrier_ms', text(latest)) end
  shorten_reservation(at, cooldown)
  hold_unanswered(symbol, at)
  return status
end

-- Moves ledger and origin of a position of the old mode to the audit stream: after a change back they would be used again,
-- without the trades in between. `over` keeps the latest order time and barrier, and the holds.
local function retire(symbol, at, over)
  hand_over(over, hold_of(symbol, at), at.ledger)
  local l = redis.call('HMGET', at.ledger, 'last_known_amt', 'last_order_id', 'last_order_time_ms',
    'last_order_time_epoch', 'barrier_ms')
  local origin = redis.call('GET', at.origin)
  local ordered, unreadable = twin_time(l[3], l[4])
  local barrier, no_time = twin_time(l[5])
  if unreadable then ordered = now end
  if no_time then barrier = now + tonumber(place_window_ms) end
  if l[1] or origin then
    audit_event(audit_key, audit_maxlen, 'ledger_retired', symbol, at.side, 'by', 'position mode', 'before', l[1] or '',
      'after', '', 'origin', origin or '', 'last_order_id', l[2] or '', 'last_order_time_ms', ordered and text(ordered) or '',
      'barrier_ms', barrier and text(barrier) or '', 'source', source)
  end
  redis.call('DEL', at.ledger, at.origin)
  over.ordered_ms, over.barrier_ms = math.max(over.ordered_ms, ordered or 0), math.max(over.barrier_ms, barrier or 0)
end

-- Positions of the new mode begin without an amount, with the latest order time and barrier of the old mode's positions, and
-- with the holds there that a person, or the result of an unknown outcome, must end.
local function change_mode(symbol, left, entered, known)
  local over = { ordered_ms = 0, barrier_ms = 0, plans = {}, released = {}, holds = {} }
  for _, at in ipairs(left) do
    retire(symbol, at, over)
    redis.call('DEL', at.snapshot)
  end
  -- If the mode was another one, stored values of the new mode's positions are older than that.
  if known then
    for _, at in ipairs(entered) do retire(symbol, at, over) end
  end
  for _, at in ipairs(entered) do
    local l = redis.call('HMGET', at.ledger, 'last_order_time_ms', 'last_order_time_epoch')
    if over.ordered_ms > (twin_time(l[1], l[2]) or 0) then
      redis.call('HSET', at.ledger, 'last_order_time_ms', text(over.ordered_ms),
        'last_order_time_epoch', text(math.floor(over.ordered_ms / 1000)))
    end
    raise_barrier(at.ledger, over.barrier_ms)
    take_over(over, hold_of(symbol, at), at.ledger)
    redis.call('EXPIRE', at.ledger, ledger_ttl_sec)
  end
end

local function is_foreign(at)
  return expect(at.snapshot, 'hash') or expect(at.ledger, 'hash') or expect(at.origin, 'string')
end

local function put(p, k)
  if other_run then return 'other_run' end
  local own, long, short = positions_of(k)
  if is_foreign(own) then return 'wrong_type' end
  local stored = redis.call('HMGET', own.snapshot, 'ts_ms', 'ts_epoch', 'position_mode')
  local stored_ms = twin_time(stored[1], stored[2])
  if stored_ms and stored_ms > ts_ms and stored_ms <= now then return 'older' end

  local known = (stored[3] == 'one_way' or stored[3] == 'hedge') and stored[3] or nil
  local mode = p.position_mode ~= '' and p.position_mode or known or ''
  local used, left = { own }, { long, short }
  if mode == 'hedge' then used, left = { long, short }, { own } end
  -- While the mode of a flat symbol is unknown, it is flat in both.
  if mode == '' then used, left = { own, long, short }, {} end
  if (known ~= mode or mode ~= 'one_way') and (is_foreign(long) or is_foreign(short)) then return 'wrong_type' end
  if known ~= mode then change_mode(p.symbol, left, used, known) end

  if mode ~= 'hedge' then note_change(p.symbol, own, p) end
  write(own, p, mode)
  local rows = { p }
  if mode == 'one_way' then
    if known ~= mode then redis.call('HDEL', own.snapshot, 'long_amt', 'short_amt') end
  else
    local legs = p.legs ~= '' and cjson.decode(p.legs) or { FLAT, FLAT }
    redis.call('HSET', own.snapshot, 'long_amt', legs[1].position_amt, 'short_amt', legs[2].position_amt)
    for i, at in ipairs({ long, short }) do
      note_change(p.symbol, at, legs[i])
      write(at, legs[i], mode)
    end
    rows = mode == 'hedge' and legs or { p, legs[1], legs[2] }
  end
  -- Repeated after a lost answer: still the same snapshot.
  if stored_ms ~= ts_ms then count(counters_key, 'p33_snapshot_total|' .. p.symbol .. '|ok') end

  local status, all = 'ok', { own, long, short }
  for i, at in ipairs(used) do
    local kept = keep_ledger(p.symbol, at, rows[i], all)
    if kept ~= 'ok' then status = kept end
  end
  return status
end

local reply = { 'put' }
for i, k in ipairs(symbol_keys) do reply[#reply + 1] = put(positions[i], k) end
return reply
