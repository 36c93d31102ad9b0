-- Why orders, payments, stock and payloads were refused.
SELECT event, reason, count() AS refused, max(at) AS latest
FROM events
WHERE event IN ('OrderRefused', 'PaymentDeclined', 'StockRefused', 'PayloadRejected')
GROUP BY event, reason
ORDER BY refused DESC, event, reason
LIMIT 20
