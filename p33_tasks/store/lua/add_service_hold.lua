-- Sets the service's hold on a position, or adds a reason to an existing one.
--
-- KEYS
--   service_hold_key  STRING: the service's hold, JSON
--   reservation_key   STRING: plan_id of the position's reservation
--   audit_key         STREAM: operator and ledger events
-- ARGV
--   permit_prefix  prefix of the permits' keys
--   position       the position
--   reason         why, a word
--   ends           what ends it, a word
--   evidence_json  evidence for the reason: an object of texts, with an id
--   audit_maxlen   approximate maximum of entries in the audit stream
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
