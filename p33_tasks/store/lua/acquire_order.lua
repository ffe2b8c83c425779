-- Checks whether an order may be sent. The venue's order limits are a separate budget: an order takes no request weight, and
-- a pause of orders doesn't stop reading.
--
-- KEYS
--   budget_key  HASH: the request budget of the minute
-- Returns {'ok'} | {'paused', seconds} | {'orders_paused', seconds}

local wrong = expect(budget_key, 'hash')
if wrong then return wrong end

local now = now_ms()
for _, pause in ipairs({ { 'paused', 'paused_until_ms' }, { 'orders_paused', 'orders_paused_until_ms' } }) do
  local until_ms = whole(redis.call('HGET', budget_key, pause[2]))
  if until_ms and until_ms > now and until_ms - now <= MOST_PAUSE_MS then
    return { pause[1], math.ceil((until_ms - now) / 1000) }
  end
end
return { 'ok' }
