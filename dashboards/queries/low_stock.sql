-- Positions whose pieces available to promise are at or below the threshold, least first.
SELECT sku, location_id, on_hand, reserved, allocated, safety_stock,
       on_hand - reserved - allocated - safety_stock AS available
FROM (SELECT * FROM stock_current FINAL) AS position
LEFT JOIN (SELECT sku, location_id, allocated FROM allocated_current FINAL) AS working
    USING (sku, location_id)
LEFT JOIN (SELECT sku, location_id, safety_stock FROM safety_stock_current FINAL) AS safety
    USING (sku, location_id)
WHERE available <= {threshold:Int64}
ORDER BY available, sku, location_id
LIMIT 12
