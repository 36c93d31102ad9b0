-- Everything that happened to an order, in the order in which it happened.
SELECT at, room, event, reason, sku, line_id, location_id, quantity, detail
FROM events
WHERE order_id = {order_id:String}
ORDER BY at,
         -- within a millisecond: as the pipeline goes
         indexOf(['OrderPlaced', 'LocationsRanked', 'StockReserved', 'OrderReserved',
                  'AuthorizationRequested', 'PaymentAuthorized', 'OrderAuthorized',
                  'ReservationMoved', 'FulfillmentOrderReleased', 'OrderRouted', 'OrderReleased'],
                 toString(event)),
         _topic, _offset
LIMIT 1000
