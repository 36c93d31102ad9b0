-- Orders placed, by minute and channel, over the last 60 minutes.
SELECT toStartOfMinute(at) AS minute, channel, count() AS orders
FROM events
WHERE event = 'OrderPlaced' AND at >= toStartOfMinute(now('UTC')) - INTERVAL 59 MINUTE
GROUP BY minute, channel
ORDER BY minute, channel
