-- One insert is one part is atomic: no PARTITION BY, and no block larger than the sink's bounds.
-- The token of an insert is "topic:partition:first:last"; the window is what ClickHouse remembers.
CREATE TABLE IF NOT EXISTS events
(
    room         LowCardinality(String),
    event        LowCardinality(String),
    order_id     String,
    sku          String,
    line_id      String,
    location_id  String,
    channel      LowCardinality(String),
    reason       String,
    quantity     Int64,
    on_hand      Int64,
    reserved     Int64,
    allocated    Int64,
    safety_stock Int64,
    amount_minor Int64,
    currency     LowCardinality(String),
    purchase_order_id String,
    actor        LowCardinality(String),
    -- of a hold or of a movement of stock
    kind         LowCardinality(String),
    hold_id      String,
    -- of the policy or of the rules for payments
    rule         LowCardinality(String),
    -- of the goods, after a shipment; or what an order has come to for its customer
    status       LowCardinality(String),
    revision     Int64,
    method       LowCardinality(String),
    tender_id    String,
    -- the total less the one before an amendment
    difference_minor Int64,
    -- money that has come: captured, or received where it was promised before
    taken_minor  Int64,
    -- money that went back
    given_back_minor Int64,
    -- of an invoice; of a credit note below 0
    invoiced_minor Int64,
    customer_id  String,
    legal_entity LowCardinality(String),
    at           DateTime64(3, 'UTC'),
    detail       String CODEC(ZSTD(1)),
    _topic       LowCardinality(String),
    _partition   Int32,
    _offset      Int64,
    INDEX of_order order_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX of_sku sku TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX of_position _offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
ORDER BY (event, at, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

-- What a table of an earlier version lacks; takes no time, and nothing is rewritten.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS allocated Int64,
    ADD COLUMN IF NOT EXISTS purchase_order_id String,
    ADD COLUMN IF NOT EXISTS actor LowCardinality(String),
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String),
    ADD COLUMN IF NOT EXISTS hold_id String,
    ADD COLUMN IF NOT EXISTS rule LowCardinality(String),
    ADD COLUMN IF NOT EXISTS status LowCardinality(String),
    ADD COLUMN IF NOT EXISTS revision Int64,
    ADD COLUMN IF NOT EXISTS method LowCardinality(String),
    ADD COLUMN IF NOT EXISTS tender_id String,
    ADD COLUMN IF NOT EXISTS difference_minor Int64,
    ADD COLUMN IF NOT EXISTS taken_minor Int64,
    ADD COLUMN IF NOT EXISTS given_back_minor Int64,
    ADD COLUMN IF NOT EXISTS invoiced_minor Int64,
    ADD COLUMN IF NOT EXISTS customer_id String,
    ADD COLUMN IF NOT EXISTS legal_entity LowCardinality(String);

-- Where each order is. The sink writes it before the events of the same block, and writing it
-- again changes nothing: the record furthest along the order's one partition wins.
CREATE TABLE IF NOT EXISTS orders_current
(
    order_id String,
    status   LowCardinality(String),
    since    DateTime64(3, 'UTC'),
    _offset  Int64
)
ENGINE = ReplacingMergeTree(_offset)
ORDER BY order_id;

-- What keeps orders, in the same way. A hold also ends with its order, which says so by its status.
CREATE TABLE IF NOT EXISTS holds_current
(
    order_id String,
    hold_id  String,
    kind     LowCardinality(String),
    is_open  Bool,
    since    DateTime64(3, 'UTC'),
    _offset  Int64
)
ENGINE = ReplacingMergeTree(_offset)
ORDER BY (order_id, hold_id);

-- The position of each SKU at each location, in the same way.
CREATE TABLE IF NOT EXISTS stock_current
(
    sku         String,
    location_id String,
    on_hand     Int64,
    reserved    Int64,
    at          DateTime64(3, 'UTC'),
    _offset     Int64
)
ENGINE = ReplacingMergeTree(_offset)
ORDER BY (sku, location_id);

-- Apart from the position, because a reservation does not say it.
CREATE TABLE IF NOT EXISTS allocated_current
(
    sku         String,
    location_id String,
    allocated   Int64,
    _offset     Int64
)
ENGINE = ReplacingMergeTree(_offset)
ORDER BY (sku, location_id);

-- Apart from the position, because only a count says it.
CREATE TABLE IF NOT EXISTS safety_stock_current
(
    sku          String,
    location_id  String,
    safety_stock Int64,
    _offset      Int64
)
ENGINE = ReplacingMergeTree(_offset)
ORDER BY (sku, location_id);
