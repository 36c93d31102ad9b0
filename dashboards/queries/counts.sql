-- Rows of each topic, and the positions that they come from: the same number, unless one is twice.
SELECT _topic AS topic, count() AS rows, uniqExact(_partition, _offset) AS positions
FROM events
GROUP BY topic
ORDER BY topic
