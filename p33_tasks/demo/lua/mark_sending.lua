-- Takes the one right to send a plan's order. It is never given back: whoever comes later only asks the venue.
-- (A venue accepts a client order id again once its order is closed, so sending twice could execute twice.)
--
-- KEYS
--   journal_key  HASH: the plan's journal
--   epoch_key    STRING: the mark on the store's life
-- ARGV
--   consume_id     our consumption
--   token          this try's random id; a try repeated with its own token (its answer was lost) is the same try
--   min_window_ms  shortest window in which sending is of use
--   max_window_ms  longest window a consumption sets
-- Returns {'send', remaining ms} | {'late'} | {'lost'} | {'other_run'} | {'unsent'}: the right was taken by this very try, whose
--   answer was lost, and can't be used any more; nobody has sent, and nobody will

local wrong = expect(journal_key, 'hash')
if wrong then return wrong end
local j = redis.call('HMGET', journal_key, 'state', 'consume_id', 'place_before_ms', 'run_id', 'life', 'sender')
local state, consumer, before, run, consumed_life, sender = unpack(j)
local is_mine = state == 'consumed' or (state == 'sending' and sender == token)
if not is_mine or consumer ~= consume_id then return { 'lost' } end
local now = now_ms()
-- A Redis that restarted, failed over or was emptied may have forgotten that this step was taken before, and the order may be on
-- its way: then the venue is only asked. Not where this try took it in the consumption's own life: so nobody had before.
if (run and run ~= run_id()) or (consumed_life and consumed_life ~= life(epoch_key)) then
  if state == 'sending' then return { 'unsent' } end
  redis.call('HSET', journal_key, 'state', 'sending', 'sending_ms', text(now))
  return { 'other_run' }
end
local remaining = tonumber(before) - now
-- Further ahead than any consumption sets it: the clock stepped back since, and how much time is left is unknown.
if remaining < tonumber(min_window_ms) or remaining > tonumber(max_window_ms) then
  return { state == 'sending' and 'unsent' or 'late' }
end
redis.call('HSET', journal_key, 'state', 'sending', 'sending_ms', text(now), 'sender', token)
return { 'send', text(remaining) }
