-- What boards that failed in an open job show as their serial where they had been given another: that one is void now.
SELECT DISTINCT log.body ->> 'usb_serial' AS usb_serial
FROM job JOIN attempt ON attempt.job = job.job AND attempt.result = 'fail' JOIN log ON log.seq = attempt.open_seq
WHERE job.closed = '' AND log.body ->> 'usb_serial' <> '' LIMIT 100000
