-- Money taken and given back since midnight UTC, by currency and method. What was promised, by
-- invoice or cash on delivery, counts when it has come.
SELECT currency, method, sum(taken_minor) AS taken_minor, sum(given_back_minor) AS given_back_minor
FROM events
WHERE event IN ('PaymentCaptured', 'PaymentReceived', 'PaymentRefunded')
  AND at >= toStartOfDay(now('UTC'))
GROUP BY currency, method
HAVING taken_minor != 0 OR given_back_minor != 0
ORDER BY currency, taken_minor DESC, method
LIMIT 50
