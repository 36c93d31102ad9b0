-- Payloads that could not be mapped and have not been replayed, latest first.
SELECT at, channel, reason, JSONExtractString(detail, 'raw_id') AS raw_id,
       JSONExtractString(detail, 'field') AS field, JSONExtractString(detail, 'detail') AS why
FROM events
WHERE event = 'PayloadRejected'
  AND raw_id NOT IN (SELECT JSONExtractString(detail, 'raw_id') FROM events
                     WHERE event = 'PayloadReplayed')
ORDER BY at DESC
LIMIT 100
