-- Payments decided, all of them and those of the last hour.
SELECT countIf(event = 'PaymentAuthorized') AS authorized,
       countIf(event = 'PaymentDeclined') AS declined,
       countIf(event = 'PaymentAuthorized' AND at >= now('UTC') - INTERVAL 1 HOUR)
           AS authorized_last_hour,
       countIf(event = 'PaymentDeclined' AND at >= now('UTC') - INTERVAL 1 HOUR)
           AS declined_last_hour
FROM events
WHERE event IN ('PaymentAuthorized', 'PaymentDeclined')
