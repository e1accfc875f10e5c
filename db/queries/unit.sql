-- One unit.
SELECT unit, serial, serial_source, size, usb_id, attempts, first_attempt, last_attempt, result, result_attempt, returned, disposition
FROM unit WHERE unit = :serial
