-- Sets this service's own hold on a position, or adds a reason to the one that is there.
--
-- KEYS
--   service_hold_key  STRING: this service's own hold, JSON
--   reservation_key   STRING: the plan that holds the symbol
--   audit_key         STREAM: operator and ledger events
-- ARGV
--   permit_prefix  what the keys of permits begin with
--   position       the position
--   reason         why, a word
--   ends           what ends it, a word
--   evidence_json  what the reason rests on: an object of texts, with an id
--   audit_maxlen   about how many entries the audit stream keeps
-- Returns {'set' | 'added' | 'unchanged', plan_id of the permit that was withdrawn ('' for none)}

return set_service_hold({
  hold = service_hold_key,
  reservation = reservation_key,
  audit = audit_key,
  permit_prefix = permit_prefix,
  position = position,
  reason = reason,
  ends = ends,
  evidence_json = evidence_json,
  audit_maxlen = audit_maxlen,
})
