-- Orders in each step now, and since when the oldest of them is in it.
SELECT status, count() AS orders, min(since) AS oldest
FROM orders_current FINAL
GROUP BY status
