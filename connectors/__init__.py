"""Everything outside Kafka: channels, payment gateways, ClickHouse."""
