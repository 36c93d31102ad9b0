-- Where each of some orders is.
SELECT order_id, step AS status
FROM (@steps)
WHERE order_id IN {order_ids:Array(String)}
