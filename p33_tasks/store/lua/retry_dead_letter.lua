-- Moves a dead letter of the results back into their stream, once, with an audit entry.
--
-- KEYS
--   dead_letters_key  STREAM: dead letters
--   results_key       STREAM: results
--   audit_key         STREAM: operator and ledger events
-- ARGV
--   letter_id     the dead letter
--   first_id      the id of the result's first entry
--   first_field   the field for that id
--   symbol        the venue's id
--   by            who puts it back, for the audit
--   max_age_ms    how long the fills memory keeps an order
--   audit_maxlen  approximate maximum of entries in the audit stream
--   fields[]      the result's own fields
--     .name       name
--     .value      value
-- Returns {'retried', the new entry's id} | {'gone'} | {'too_old'} | {'wrong_type', ...}

local wrong = expect(dead_letters_key, 'stream') or expect(results_key, 'stream') or expect(audit_key, 'stream')
if wrong then return wrong end

-- It is deleted in the same act. If it were put back twice, the fills memory would still apply it once.
if #redis.call('XRANGE', dead_letters_key, letter_id, letter_id) == 0 then return { 'gone' } end
if now_ms() - tonumber(string.match(first_id, '^%d+')) > tonumber(max_age_ms) then return { 'too_old' } end

local entry = {}
for _, field in ipairs(fields) do
  entry[#entry + 1] = field.name
  entry[#entry + 1] = field.value
end
-- The new id may be younger than a snapshot that was adopted since and contains the fill: so the first id's time counts.
entry[#entry + 1] = first_field
entry[#entry + 1] = first_id
local id = redis.call('XADD', results_key, '*', unpack(entry))
audit_event(audit_key, audit_maxlen, 'dead_letter_retried', symbol, 'BOTH', 'by', by, 'dead_letter', letter_id,
  'source_id', first_id, 'entry_id', id)
redis.call('XDEL', dead_letters_key, letter_id)
return { 'retried', id }
