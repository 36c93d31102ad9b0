-- Everything that happened to an order, in the order in which it happened.
SELECT at, room, event, reason, sku, line_id, location_id, quantity, detail
FROM events
WHERE order_id = {order_id:String}
ORDER BY at,
         -- within a millisecond: as the pipeline goes
         indexOf(['OrderPlaced', 'LocationsRanked', 'StockBackordered', 'BackorderPromised',
                  'OrderBackordered', 'BackorderEnded', 'StockReserved', 'OrderReserved',
                  'AuthorizationRequested', 'PaymentAuthorized', 'OrderAuthorized',
                  'PaymentTotalChanged', 'OrderAmended', 'OrderHeld', 'HoldEnded',
                  'ReservationMoved', 'FulfillmentOrderReleased', 'OrderRouted', 'OrderReleased',
                  'PurchaseOrderProposed', 'StockAllocated', 'StockShipped', 'OrderShipped',
                  'CaptureRequested', 'PaymentCaptured', 'InvoiceIssued', 'OrderRefunded',
                  'RefundRequested', 'PaymentRefunded', 'CreditNoteIssued', 'AmendmentRefused',
                  'OrderRefused', 'OrderCancelled'],
                 toString(event)),
         _topic, _offset
LIMIT 1000
