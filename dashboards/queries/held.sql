-- Orders that are held, by kind of hold, oldest first. One with two holds counts for both.
SELECT kind, uniqExact(order_id) AS orders, min(since) AS oldest,
       argMin(order_id, (since, order_id)) AS oldest_order_id
FROM holds_current FINAL
WHERE is_open
  AND order_id NOT IN (
      -- without FINAL, for nothing comes after either
      SELECT order_id FROM orders_current
      WHERE status IN ('refused', 'cancelled')
        AND order_id IN (SELECT order_id FROM holds_current WHERE is_open))
GROUP BY kind
ORDER BY oldest, kind
LIMIT 20
