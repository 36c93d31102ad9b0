-- The positions of a SKU.
SELECT sku, location_id, on_hand, reserved, allocated, safety_stock,
       on_hand - reserved - allocated - safety_stock AS available, at
FROM (SELECT * FROM stock_current FINAL WHERE sku = {sku:String}) AS position
LEFT JOIN (SELECT sku, location_id, allocated FROM allocated_current FINAL
           WHERE sku = {sku:String}) AS working
    USING (sku, location_id)
LEFT JOIN (SELECT sku, location_id, safety_stock FROM safety_stock_current FINAL
           WHERE sku = {sku:String}) AS safety
    USING (sku, location_id)
ORDER BY location_id
LIMIT 1000
