-- Writes each position's resting orders from one reading, in place of the previous ones.
--
-- KEYS
--   epoch_key    STRING: the store's epoch, part of its life
--   positions[]  HASH: each position's resting orders
-- ARGV
--   life_read  the store's life when the reading began
--   ts_ms      Redis TIME before the request
--   source     venue and host
--   ttl_sec    time to live of what is written
--   found[]    for each position
--     .sell    JSON: its orders that sell ('' where they could not be read)
--     .buy     JSON: its orders that buy
--     .problem  why they could not be read
-- Returns {'written', count}; a position whose key holds another type, or a later reading, is left as it is
--       | {'other_life'} (nothing written)

if life(epoch_key) ~= life_read then return { 'other_life' } end
local now, count_written = now_ms(), 0
for at, key in ipairs(positions) do
  local kind = type_of(key)
  local later = kind == 'hash' and whole(redis.call('HGET', key, 'ts_ms'))
  if kind == 'none' or (kind == 'hash' and not (later and later > tonumber(ts_ms) and later <= now)) then
    local one = found[at]
    redis.call('DEL', key)
    redis.call('HSET', key, 'ts_ms', ts_ms, 'life', life_read, 'source', source)
    if one.problem ~= '' then
      redis.call('HSET', key, 'problem', one.problem)
    else
      redis.call('HSET', key, 'sell', one.sell, 'buy', one.buy)
    end
    redis.call('EXPIRE', key, ttl_sec)
    count_written = count_written + 1
  end
end
return { 'written', count_written }
