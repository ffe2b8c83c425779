-- Puts a dead letter of the results back into their stream, once, audited.
--
-- KEYS
--   dead_letters_key  STREAM: dead letters
--   results_key       STREAM: results
--   audit_key         STREAM: operator and ledger events
-- ARGV
--   letter_id     the dead letter
--   first_id      the entry that the result first came in
--   first_field   the field that names it
--   symbol        the venue's id
--   by            who puts it back, for the audit
--   max_age_ms    how long fills are remembered
--   audit_maxlen  about how many entries the audit stream keeps
--   fields[]      the result's own fields
--     .name       name
--     .value      value
-- Returns {'retried', the new entry's id} | {'gone'} | {'too_old'} | {'wrong_type', ...}

local wrong = expect(dead_letters_key, 'stream') or expect(results_key, 'stream') or expect(audit_key, 'stream')
if wrong then return wrong end

-- It is taken away in the same act: put back twice, it would still be applied once, by the memory of fills.
if #redis.call('XRANGE', dead_letters_key, letter_id, letter_id) == 0 then return { 'gone' } end
if now_ms() - tonumber(string.match(first_id, '^%d+')) > tonumber(max_age_ms) then return { 'too_old' } end

local entry = {}
for _, field in ipairs(fields) do
  entry[#entry + 1] = field.name
  entry[#entry + 1] = field.value
end
-- The new id is younger than a snapshot that was adopted meanwhile and that contains the fill: the first id's time counts.
entry[#entry + 1] = first_field
entry[#entry + 1] = first_id
local id = redis.call('XADD', results_key, '*', unpack(entry))
audit_event(audit_key, audit_maxlen, 'dead_letter_retried', symbol, 'BOTH', 'by', by, 'dead_letter', letter_id,
  'source_id', first_id, 'entry_id', id)
redis.call('XDEL', dead_letters_key, letter_id)
return { 'retried', id }
