-- Writes snapshots, never backwards; keeps each symbol's ledger alive, and begins one where that is allowed.
--
-- KEYS
--   counters_key    HASH: counters
--   audit_key       STREAM: operator and ledger events
--   epoch_key       STRING: our mark on this store's life
--   changes_key     STREAM: changes of positions
--   symbol_keys[]   the keys of each symbol, in the order of positions[]
--     .snapshot     HASH: the symbol's snapshot
--     .ledger       HASH: the symbol's ledger
--     .origin       STRING: time in ms of the snapshot the ledger began with
--     .reservation  STRING: the plan that holds the symbol
--     .limits       HASH: an operator's limits of the symbol
--     .adaptive     HASH: this service's own
-- ARGV
--   fetched_run_id      run_id of Redis when the request began
--   fetched_life        the store's life then
--   source              venue and host
--   fetched_ms          Redis time when the request began
--   fetched_epoch       the same in whole seconds
--   fetched_iso         the same as text, UTC
--   bootstrap           'deny' | 'adopt': whether a ledger may begin with a position
--   cooldown_ms         how long after an order a snapshot may not show it, as configured
--   read_lag_ms         how long the venue's position may not show an order
--   unknown_ms          longest lifetime of a reservation whose order's outcome is unknown
--   place_window_ms     the longest time ahead at which a barrier is set
--   snapshot_ttl_sec    the snapshot's time to live
--   ledger_ttl_sec      the ledger's time to live
--   audit_maxlen        about how many entries the audit stream keeps
--   changes_maxlen      about how many entries the stream of changes keeps
--   max_reservation_ms  longest lifetime of a reservation under the configured cooldown (0: any)
--   adoption_wait_ms    how long after this server's start a position is adopted at the earliest (0: at once)
--   positions[]         the position of each symbol
--     .symbol           the venue's id
--     .position_amt     signed amount
--     .side             of the amount
--     .entry_price      '' for unknown
--     .mark_price       '' for unknown
--     .leverage         '' for unknown
--     .unrealized_pnl   '' for unknown
--     .position_mode    'one_way' | 'hedge'
-- Returns {'put', status, status, ...} in the order given: ok | older | other_run | wrong_type | ledger_created
--   | ledger_adopted

local wrong = expect(counters_key, 'hash') or expect(audit_key, 'stream')
if wrong then return wrong end

local now, ts_ms = now_ms(), tonumber(fetched_ms)
local info = redis.call('INFO', 'server')
local other_run = run_id(info) ~= fetched_run_id or fetched_life == '' or life(epoch_key, info) ~= fetched_life
local started_ms = now - tonumber(string.match(info, 'uptime_in_seconds:(%d+)')) * 1000

-- A ledger begins only when no order can be under way that the snapshot doesn't show (CONTRACT section 3).
local function begin_ledger(symbol, ledger, origin, reservation, amount, side, mode, cooldown)
  local flat = amount == '0'
  -- A ledger that was lost while the symbol is flat begins anew: a 0 that the venue proves hides nothing. One that was
  -- lost with a position waits for an operator.
  if mode == 'hedge' or (not flat and redis.call('EXISTS', origin) == 1) then return 'ok' end
  if not flat and bootstrap ~= 'adopt' then return 'ok' end
  -- A server that has just begun may have forgotten a whole life, and in it an order that is still to be sent.
  local wait = tonumber(adoption_wait_ms)
  if not flat and wait > 0 and ts_ms - started_ms < wait then return 'ok' end
  if redis.call('EXISTS', reservation) == 1 then return 'ok' end
  local l = redis.call('HMGET', ledger, 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms')
  local ordered, unreadable = twin_time(l[1], l[2])
  if unreadable or not cooldown or (ordered and ts_ms <= ordered + cooldown) then return 'ok' end
  if before_barrier(ts_ms, l[3], read_lag_ms) then return 'ok' end
  local event = flat and 'ledger_created' or 'ledger_adopted'
  redis.call('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*', 'event', event, 'symbol', symbol, 'by', 'bootstrap',
    'before', '', 'after', amount, 'snapshot_ts_ms', fetched_ms, 'source', source)
  redis.call('HSET', ledger, 'last_known_amt', amount, 'last_known_side', side,
    'last_update_ts', text(math.floor(now / 1000)))
  redis.call('EXPIRE', ledger, ledger_ttl_sec)
  redis.call('SET', origin, fetched_ms)
  return event
end

-- For readers: which amount followed on which. Nothing rests on it, so a foreign value under its key stops no snapshot. With
-- no snapshot of this venue before, a position begins with an entry whose `before` is empty; a flat one needs none.
local changes_are_kept = not expect(changes_key, 'stream')
local function note_change(p, before, before_source)
  if not before or before_source ~= source then before = '' end
  if not changes_are_kept or before == p.position_amt or (before == '' and p.position_amt == '0') then return end
  redis.pcall('XADD', changes_key, 'MAXLEN', '~', changes_maxlen, '*', 'position', p.symbol,
    'before', string.sub(before, 1, 64), 'after', p.position_amt, 'mark_price', p.mark_price, 'ts_ms', fetched_ms,
    'source', source)
end

local function put(p, snapshot, ledger, origin, reservation, limits, adaptive)
  if other_run then return 'other_run' end
  if expect(snapshot, 'hash') or expect(ledger, 'hash') or expect(origin, 'string') then return 'wrong_type' end
  local stored = redis.call('HMGET', snapshot, 'ts_ms', 'ts_epoch', 'position_amt', 'source')
  local stored_ms = twin_time(stored[1], stored[2])
  if stored_ms and stored_ms > ts_ms and stored_ms <= now then return 'older' end

  note_change(p, stored[3], stored[4])
  redis.call('HSET', snapshot, 'position_amt', p.position_amt, 'side', p.side, 'entry_price', p.entry_price,
    'mark_price', p.mark_price, 'leverage', p.leverage, 'unrealized_pnl', p.unrealized_pnl,
    'position_mode', p.position_mode, 'ts_epoch', fetched_epoch, 'ts_ms', fetched_ms,
    'ts_iso', fetched_iso, 'source', source, 'run_id', fetched_run_id, 'life', fetched_life)
  redis.call('EXPIRE', snapshot, snapshot_ttl_sec)
  -- Written again after a lost answer, it is still one snapshot.
  if stored_ms ~= ts_ms then count(counters_key, 'p33_snapshot_total|' .. p.symbol .. '|ok') end

  local status, cooldown = 'ok', cooldown_in_force(limits, adaptive, cooldown_ms, now)
  if redis.call('HEXISTS', ledger, 'last_known_amt') == 1 then
    redis.call('SET', origin, '0', 'NX')
  else
    status = begin_ledger(p.symbol, ledger, origin, reservation, p.position_amt, p.side, p.position_mode,
      cooldown)
  end
  redis.call('EXPIRE', ledger, ledger_ttl_sec)

  -- An order time in the future was stored before the clock stepped back; left there it would deny for hours. One
  -- that is not a time would deny for good. Both count as now.
  local l = redis.call('HMGET', ledger, 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms',
    'unknown_plan_id')
  local ordered, unreadable = twin_time(l[1], l[2])
  if unreadable or (ordered and ordered > now) then
    redis.call('HSET', ledger, 'last_order_time_ms', text(now), 'last_order_time_epoch', text(math.floor(now / 1000)))
  end
  -- The same of a barrier that lies further ahead than a consumption sets it: the order may still be sent until then.
  local latest = now + tonumber(place_window_ms)
  local barrier, no_time = twin_time(l[3])
  if no_time or (barrier and barrier > latest) then redis.call('HSET', ledger, 'barrier_ms', text(latest)) end
  -- So does a reservation that has longer to live than any is ever given, and one without an expiry (a SET without PX, a
  -- restored dump): it would block the symbol for hours, or until somebody finds it.
  local longest = tonumber(max_reservation_ms)
  if longest > 0 then longest = longest + math.max(0, (cooldown or MOST_COOLDOWN_MS) - tonumber(cooldown_ms)) end
  local left = longest > 0 and redis.call('PTTL', reservation) or 0
  if left > longest or left == -1 then
    -- An order whose outcome is unknown holds it for longer.
    local unknown = l[4] and type_of(reservation) == 'string' and redis.call('GET', reservation) == l[4]
    if unknown then longest = math.max(longest, tonumber(unknown_ms)) end
    if left > longest or left == -1 then redis.call('PEXPIRE', reservation, text(longest)) end
  end
  return status
end

local reply = { 'put' }
for i, k in ipairs(symbol_keys) do
  reply[#reply + 1] = put(positions[i], k.snapshot, k.ledger, k.origin, k.reservation, k.limits, k.adaptive)
end
return reply
