-- Why orders, changes of orders and payloads were refused. A refusal of stock or payment leads to one of the order.
SELECT event, reason, count() AS refused, max(at) AS latest
FROM events
WHERE event IN ('OrderRefused', 'AmendmentRefused', 'PayloadRejected')
GROUP BY event, reason
ORDER BY refused DESC, event, reason
LIMIT 20
