-- Orders in each step now, and since when the oldest of them is in it.
SELECT step, count() AS orders, min(since) AS oldest
FROM (@steps)
GROUP BY step
