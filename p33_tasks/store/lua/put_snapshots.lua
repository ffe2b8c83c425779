-- Writes snapshots, never backwards; keeps each symbol's ledger alive, and begins one where that is allowed.
--
-- KEYS 1 counters  2 audit stream, then for each symbol: snapshot, ledger, ledger origin, reservation
-- ARGV 1 run_id   2 source   3 ts_ms   4 ts_epoch   5 ts_iso   6 'deny' | 'adopt'   7 cooldown ms   8 snapshot ttl s
--      9 ledger ttl s   10 audit maxlen   11 longest lifetime of a reservation ms (0: any)
--      12 how long after this server's start a position is adopted at the earliest, ms (0: at once), then for each
--      symbol: symbol, position_amt, side, entry_price, mark_price, leverage, unrealized_pnl, position_mode
-- Returns {'put', status, status, ...} in the order given: ok | older | other_run | wrong_type | ledger_created
--   | ledger_adopted

local wrong = expect(KEYS[1], 'hash') or expect(KEYS[2], 'stream')
if wrong then return wrong end

local now, ts_ms = now_ms(), tonumber(ARGV[3])
local info = redis.call('INFO', 'server')
local other_run = run_id(info) ~= ARGV[1]
local started_ms = now - tonumber(string.match(info, 'uptime_in_seconds:(%d+)')) * 1000

-- A ledger begins only when no order can be under way that the snapshot doesn't show (CONTRACT section 3).
local function begin_ledger(symbol, ledger, origin, reservation, amount, side, mode)
  if mode == 'hedge' or redis.call('EXISTS', origin) == 1 then return 'ok' end
  local flat = amount == '0'
  if not flat and ARGV[6] ~= 'adopt' then return 'ok' end
  -- A server that has just begun may have forgotten a whole life, and in it an order that is still to be sent.
  local wait = tonumber(ARGV[12])
  if not flat and wait > 0 and ts_ms - started_ms < wait then return 'ok' end
  if redis.call('EXISTS', reservation) == 1 then return 'ok' end
  local l = redis.call('HMGET', ledger, 'last_order_time_ms', 'last_order_time_epoch')
  local ordered, unreadable = twin_time(l[1], l[2])
  if unreadable or (ordered and ts_ms <= ordered + tonumber(ARGV[7])) then return 'ok' end
  local event = flat and 'ledger_created' or 'ledger_adopted'
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[10], '*', 'event', event, 'symbol', symbol, 'by', 'bootstrap',
    'before', '', 'after', amount, 'snapshot_ts_ms', ARGV[3], 'source', ARGV[2])
  redis.call('HSET', ledger, 'last_known_amt', amount, 'last_known_side', side, 'last_update_ts', text(math.floor(now / 1000)))
  redis.call('EXPIRE', ledger, ARGV[9])
  redis.call('SET', origin, ARGV[3])
  return event
end

local function put(symbol, snapshot, ledger, origin, reservation, v)
  if other_run then return 'other_run' end
  if expect(snapshot, 'hash') or expect(ledger, 'hash') or expect(origin, 'string') then return 'wrong_type' end
  local stored = redis.call('HMGET', snapshot, 'ts_ms', 'ts_epoch')
  local stored_ms = twin_time(stored[1], stored[2])
  if stored_ms and stored_ms > ts_ms and stored_ms <= now then return 'older' end

  redis.call('HSET', snapshot, 'position_amt', v[2], 'side', v[3], 'entry_price', v[4], 'mark_price', v[5],
    'leverage', v[6], 'unrealized_pnl', v[7], 'position_mode', v[8], 'ts_epoch', ARGV[4], 'ts_ms', ARGV[3],
    'ts_iso', ARGV[5], 'source', ARGV[2], 'run_id', ARGV[1])
  redis.call('EXPIRE', snapshot, ARGV[8])
  -- Written again after a lost answer, it is still one snapshot.
  if stored_ms ~= ts_ms then count(KEYS[1], 'p33_snapshot_total|' .. symbol .. '|ok') end

  local status = 'ok'
  if redis.call('HEXISTS', ledger, 'last_known_amt') == 1 then
    redis.call('SET', origin, '0', 'NX')
  else
    status = begin_ledger(symbol, ledger, origin, reservation, v[2], v[3], v[8])
  end
  redis.call('EXPIRE', ledger, ARGV[9])

  -- An order time in the future was stored before the clock stepped back; left there it would deny for hours. One
  -- that is no time would deny for good. Both count as now.
  local l = redis.call('HMGET', ledger, 'last_order_time_ms', 'last_order_time_epoch')
  local ordered, unreadable = twin_time(l[1], l[2])
  if unreadable or (ordered and ordered > now) then
    redis.call('HSET', ledger, 'last_order_time_ms', text(now), 'last_order_time_epoch', text(math.floor(now / 1000)))
  end
  -- So does a reservation that has longer to live than any is ever given: it would block the symbol for hours.
  local longest = tonumber(ARGV[11])
  if longest > 0 and redis.call('PTTL', reservation) > longest then redis.call('PEXPIRE', reservation, ARGV[11]) end
  return status
end

local reply = { 'put' }
local arg, key = 12, 2
while key < #KEYS do
  local v = {}
  for i = 1, 8 do v[i] = ARGV[arg + i] end
  reply[#reply + 1] = put(v[1], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3], KEYS[key + 4], v)
  key, arg = key + 4, arg + 8
end
return reply
