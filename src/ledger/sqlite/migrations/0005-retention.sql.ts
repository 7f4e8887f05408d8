/** What is old enough to be thinned is found without reading what is not. */
export const sql = /* sql */ `
-- Ended submissions that still have their payload, by when they ended. An expression, so that no statement of the queue is
-- tempted by it.
CREATE INDEX submissions_payload ON submissions (coalesce(done_at_ms, failed_at_ms, received_at_ms))
  WHERE state IN ('done', 'dropped') AND (content IS NOT NULL OR raw IS NOT NULL);

CREATE INDEX rejects_payload ON rejects (closed_at_ms) WHERE closed_at_ms IS NOT NULL AND raw <> '';

CREATE INDEX discrepancies_payload ON discrepancies (last_seen_at_ms)
  WHERE state IN ('accepted', 'repaired', 'gone') AND (email IS NOT NULL OR expected IS NOT NULL OR actual IS NOT NULL);
`;
