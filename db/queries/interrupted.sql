-- Attempts that are open: at the recorder's start these are what a dead station left.
SELECT attempt, slot, serial FROM attempt WHERE result = 'open' ORDER BY attempt
