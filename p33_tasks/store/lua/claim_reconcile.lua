-- Takes the one right to reconcile, and reads what is known of a position.
--
-- KEYS
--   lease_key        STRING: who reconciles now, for the whole account
--   symbol_snapshot_key  HASH: the symbol's snapshot, which tells the mode
--   snapshot_key     HASH: the position's snapshot
--   ledger_key       HASH: the position's ledger
--   origin_key       STRING: time in ms of the snapshot the ledger began with
--   reservation_key  STRING: the plan that holds the position
--   hold_key         STRING: why the position is held, by this service
--   watermark_key    HASH: when ledger and exchange were known together
--   case_key         HASH: what was tried so far
--   epoch_key        STRING: our mark on this store's life
-- ARGV
--   position_side  which of the symbol's positions
--   token          proves the right when it is given back
--   lease_ms       how long it lasts at most
-- Returns {'claimed', now_ms, life, is_of_mode ('1': the symbol's latest snapshot has this position), snapshot, ledger, origin,
--   reserved_by, hold, watermark, case} with the HASHes flat | {'busy'} | {'wrong_type', ...}

local wrong = expect(symbol_snapshot_key, 'hash') or expect(snapshot_key, 'hash') or expect(ledger_key, 'hash')
  or expect(origin_key, 'string') or expect(reservation_key, 'string') or expect(hold_key, 'string') or expect(watermark_key, 'hash')
  or expect(case_key, 'hash') or expect(lease_key, 'string')
if wrong then return wrong end

if not redis.call('SET', lease_key, token, 'NX', 'PX', lease_ms) then return { 'busy' } end
local s = redis.call('HMGET', snapshot_key, 'ts_ms', 'life')
return {
  'claimed', text(now_ms()), life(epoch_key), is_of_mode(position_side, symbol_snapshot_key, s[1], s[2]) and '1' or '0',
  redis.call('HMGET', snapshot_key, unpack(SNAPSHOT_FIELDS)),
  redis.call('HMGET', ledger_key, unpack(LEDGER_FIELDS)),
  redis.call('GET', origin_key), redis.call('GET', reservation_key), redis.call('GET', hold_key),
  redis.call('HGETALL', watermark_key), redis.call('HGETALL', case_key),
}
