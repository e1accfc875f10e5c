# guest only: sets the clock
"""Somebody sets the clock while nothing else happens: the ledger says so at once, in a row of its own."""
import sqlite3
from station import *

station = Station(slots=1).start()
log = subprocess.Popen(['timeout', str(120 * PATIENCE), 'tail', '-n', '+1', '-F', station.log], stdout=subprocess.PIPE, text=True)


def rows():
    db = sqlite3.connect(f'file:{station.state}/station.db?mode=ro', uri=True)
    return db.execute("SELECT json_extract(body, '$.reason'), json_extract(body, '$.by_s'), (SELECT max(seq) FROM log) = seq FROM log WHERE kind = 'clock' ORDER BY seq").fetchall()


def set_clock(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
    for line in log.stdout:
        if 'the clock was set' in line:
            return rows()[-1]
    fail(f'the clock was set, and the recorder did not hear of it: {rows()}')


before = len(rows())
reason, by, newest = set_clock(7200)
check(reason == 'moved forward' and 7190 < by < 7260 and newest, f'two hours on: {reason}, {by} s')
reason, by, newest = set_clock(-3600)
check(reason == 'moved back' and -3660 < by < -3540 and newest, f'an hour back: {reason}, {by} s')
set_clock(-3600)  # the next scenario has the time as it was
check(len(rows()) == before + 3, f'a row each time, and no more: {rows()}')
log.kill()
station.stop()
station.gangway('record', 'verify')
figure('the clock set two hours on and one back, nothing else going on: a row each, at once')
