-- What there is of everything.
SELECT count() AS events,
       countIf(event = 'OrderPlaced') AS orders,
       countIf(event = 'PayloadRejected') AS rejected,
       countIf(event = 'PayloadReplayed') AS replayed,
       countIf(endsWith(_topic, '.dead-letter')) AS dead_letters
FROM events
