-- Takes the account's one claim to reconcile, and reads what is stored about a position.
--
-- KEYS
--   lease_key        STRING: token of the task that reconciles; one per account
--   symbol_snapshot_key  HASH: the symbol's snapshot, which shows the mode
--   snapshot_key     HASH: the position's snapshot
--   ledger_key       HASH: the position's ledger
--   origin_key       STRING: time in ms of the snapshot the ledger began with
--   reservation_key  STRING: plan_id of the position's reservation
--   hold_key         STRING: the service's hold on the position
--   watermark_key    HASH: time and amounts at which both sides were last equal
--   case_key         HASH: earlier readings and tries
--   epoch_key        STRING: the store's epoch, part of its life
-- ARGV
--   position_side  which of the symbol's positions
--   token          identifies the claim when it is given back
--   lease_ms       its longest duration
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
