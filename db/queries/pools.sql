-- The pools that serial numbers were handed out of, with the next number of each.
SELECT pool, max(number) + 1 AS next FROM serial_number WHERE number IS NOT NULL GROUP BY pool LIMIT 1000
