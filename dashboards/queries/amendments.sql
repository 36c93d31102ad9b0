-- Changes of orders since midnight UTC, by currency: how many, and what they add to the totals.
-- Refused ones have no currency.
SELECT currency, countIf(event = 'OrderAmended') AS amended,
       countIf(event = 'AmendmentRefused') AS refused, sum(difference_minor) AS difference_minor
FROM events
WHERE event IN ('OrderAmended', 'AmendmentRefused') AND at >= toStartOfDay(now('UTC'))
GROUP BY currency
ORDER BY currency
