-- The step of each order now, and since when. An order is held as long as a hold of it is open,
-- wherever it is; it is shipped, too, when what was left was cancelled.
SELECT order_id, since,
       multiIf(status NOT IN ('refused', 'cancelled')
                   AND order_id IN (SELECT order_id FROM holds_current FINAL WHERE is_open),
               'held',
               status = 'partly_shipped' AND order_id IN (
                   SELECT order_id
                   FROM events
                   WHERE event IN ('OrderShipped', 'OrderAmended')
                     AND order_id IN (SELECT order_id FROM events
                                      WHERE event = 'OrderShipped' AND status = 'partly_shipped'
                                        AND order_id IN (SELECT order_id FROM events
                                                         WHERE event = 'OrderAmended'))
                   GROUP BY order_id
                   HAVING sumIf(quantity, event = 'OrderShipped')
                       >= argMaxIf(quantity, _offset, event = 'OrderAmended')),
               'shipped',
               -- as it was called before
               status = 'routing', 'ready',
               toString(status)) AS step
FROM orders_current FINAL
