-- Orders as they were placed, the latest first, behind a place in that order.
SELECT order_id, channel, customer_id, currency, amount_minor AS total_minor, at
FROM events
WHERE event = 'OrderPlaced'
  AND at <= fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
  AND (at, order_id) < (fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC'), {before_id:String})
  AND ({channel:String} = '' OR channel = {channel:String})
  AND ({customer:String} = '' OR customer_id = {customer:String})
  AND ({status:String} = ''
       OR order_id IN (SELECT order_id FROM (@steps) WHERE step = {status:String}))
ORDER BY at DESC, order_id DESC
LIMIT {limit:UInt32}
