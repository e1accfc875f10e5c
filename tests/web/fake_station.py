#!/usr/bin/env python3
"""A station's side of the control stream, for tests of the web role: starts `gangway web` and plays what it is told.

From Python: import fake_station; with fake_station.Station(slots=8) as s: s.set_slot('1', state='pass', tile='PASS').
As a program: one JSON command a line on stdin ({"do":"set_slot","slot":"1","fields":{...}} and so on: the methods of
Station that say so); one JSON line on stdout for each command done and for each request the web role makes.
"""
import copy, json, os, pathlib, socket, subprocess, sys, threading

GANGWAY = os.environ.get('GANGWAY') or str(pathlib.Path(__file__).resolve().parents[2] / 'build/gangway')
IDLE = {'state': 'empty', 'tile': 'LOAD', 'stage': '', 'present': False, 'serial': None, 'serial_source': '', 'attempt': None,
        'job': None, 'image': None, 'node': '', 'size': 0, 'done': 0, 'total': 0, 'rate': 0, 'eta_s': None, 'progress': 0.0,
        'code': '', 'blame': '', 'reason': '', 'next': '', 'text': '', 'acknowledged': True, 'verify_method': '',
        'plan_sha256': '', 'readback_sha256': '', 'finished': None, 'write_s': 0, 'verify_s': 0}
PLAN = '3f7a91c2' * 8
DEADLINE = 120  # seconds; nothing waits that long unless something is broken


class Station:
    def __init__(self, slots=8, columns=4, listen='127.0.0.1:0', on_request=None, hosts=()):
        self.lock = threading.RLock()
        self.heard = threading.Condition(self.lock)
        self.requests = []          # every request but hello, in order
        self.answered = 0           # hellos
        self.url = None
        self.mute = False           # a stalled station: takes everything, answers nothing
        self.refuse = {}            # command -> error object
        self.hold = set()           # commands that are not answered
        self.records = []
        self.on_request = on_request
        self.listen, self.hosts = listen, hosts
        self.process = self.sock = self.thread = None
        rows = (slots + columns - 1) // columns
        self.state = {
            'event': 'snapshot', 'version': '0.0.0', 'station': {'name': 'LINE 1', 'id': 'st-1', 'started': '2026-11-21T06:00:00Z'},
            'fixture': {'name': 'bench', 'kind': 'virtual', 'rows': rows, 'columns': columns}, 'job': None, 'import': None,
            'slots': [{'index': i, 'slot': str(i + 1), 'row': i // columns, 'column': i % columns, **IDLE} for i in range(slots)],
            'counts': {'pass': 0, 'fail': 0, 'unverified': 0, 'inflight': 0, 'yield': None, 'uph': None},
            'ledger': {'seq': 1, 'hash': 'ab' * 32, 'state': 'ok', 'error': ''}, 'alerts': []}
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- the web role's life
    def start(self):
        """{"do":"start"}: starts the web role, at the port it had before."""
        ours, theirs = socket.socketpair()
        keep = theirs.fileno()
        args = [GANGWAY, 'web', '--listen', self.listen]
        for host in self.hosts:
            args += ['--host', host]

        def move():
            if keep == 3:
                os.set_inheritable(3, True)
            else:
                os.dup2(keep, 3)
        # PR_SET_PDEATHSIG follows the thread that starts it: that is the main thread here.
        self.process = subprocess.Popen(args, env={**os.environ, 'GANGWAY_PARENT': str(os.getpid())}, preexec_fn=move,
                                        close_fds=True, pass_fds=(3,), stdin=subprocess.DEVNULL)
        theirs.close()
        self.sock, self.subscribed = ours, False
        self.thread = threading.Thread(target=self._serve, args=(ours,), daemon=True)
        self.thread.start()
        self.wait(lambda s: s.url is not None)
        self.listen = self.url.removeprefix('http://').rstrip('/')
        return self.url

    def stop(self):
        """{"do":"stop"}: closes the control stream and waits for the web role's end; returns its exit code."""
        if self.sock:
            self.sock.shutdown(socket.SHUT_RDWR)
            self.thread.join()
            self.sock.close()
            self.sock = None
        self.url = None
        return self.process.wait(DEADLINE)

    def kill(self):
        """{"do":"kill"}: kill -9 of the web role."""
        self.process.kill()
        return self.stop()

    # --- what the station does
    def set_slot(self, slot, fields):
        """{"do":"set_slot","slot":LABEL,"fields":{...}}: changes a slot and sends the delta."""
        with self.lock:
            entry = next(s for s in self.state['slots'] if s['slot'] == slot)
            entry.update(fields)
            self.send({'event': 'slot', 'slot': entry})

    def clear_slot(self, slot):
        """{"do":"clear_slot","slot":LABEL}: the slot empties."""
        self.set_slot(slot, copy.deepcopy(IDLE))

    def set(self, name, value):
        """{"do":"set","name":"job|import|counts|ledger|alerts","value":...}: changes it and sends the delta."""
        with self.lock:
            self.state[name] = value
            self.send({'event': name, name: value})

    def snapshot(self, fields=None):
        """{"do":"snapshot","fields":{...}}: changes the state without a word, then sends a whole snapshot."""
        with self.lock:
            self.state.update(fields or {})
            self.send(self.state)

    def set_mute(self, value):
        """{"do":"set_mute","value":true}: the station stalls, or goes on."""
        with self.lock:
            self.mute = value

    def set_refuse(self, cmd, error):
        """{"do":"set_refuse","cmd":CMD,"error":{"code","text"}}: refuses a command from now on (null: no more)."""
        with self.lock:
            self.refuse[cmd] = error

    def set_records(self, records):
        """{"do":"set_records","records":[...]}: what record.query finds."""
        with self.lock:
            self.records = records

    def send(self, line):
        with self.lock:
            if self.sock and not self.mute and (self.subscribed or 'event' not in line):
                try:
                    self.sock.sendall(json.dumps(line).encode() + b'\n')
                except OSError:
                    pass  # the web role is gone: it gets a snapshot when it is back

    def send_raw(self, data):
        self.sock.sendall(data)

    # --- what the web role asks
    def wait(self, ready, seconds=DEADLINE):
        """Waits until ready(self) is true; every request wakes it."""
        with self.heard:
            if not self.heard.wait_for(lambda: ready(self), seconds):
                raise TimeoutError('the web role did not do it in time')

    def _serve(self, sock):
        with sock.makefile('rb') as lines:
            try:
                for line in lines:
                    self._answer(json.loads(line))
            except (OSError, ValueError):
                pass

    def _answer(self, request):
        with self.heard:
            cmd, args = request['cmd'], request.get('args', {})
            if cmd == 'hello':
                self.answered += not self.mute
            else:
                self.requests.append(request)
            if self.on_request:
                self.on_request(request)
            if not self.mute and cmd not in self.hold:
                error = self.refuse.get(cmd)
                answer = {'ok': False, 'error': error} if error else {'ok': True, 'result': self._do(cmd, args)}
                self.send({'id': request['id'], **answer})
                if cmd == 'subscribe':
                    self.subscribed = True
                    self.send(self.state)
            self.heard.notify_all()

    def _do(self, cmd, args):
        if cmd == 'web.listening':
            self.url = args['url']
        elif cmd == 'state':
            return self.state
        elif cmd == 'record.query':
            wanted = args['parameters'].get('serial')
            return {'records': [r for r in self.records if not wanted or r['serial'] == wanted], 'next': None}
        elif cmd == 'slot.ack':
            entry = next(s for s in self.state['slots'] if s['slot'] == args['slot'])
            self.set_slot(args['slot'], {'acknowledged': True} if entry['present'] else copy.deepcopy(IDLE))
        elif cmd == 'slot.scan':
            self.set_slot(args['slot'], {'serial': args['serial'], 'serial_source': 'scan', 'state': 'matched', 'code': '', 'reason': 'waits'})
        elif cmd == 'job.close':
            self.set('job', None)
        return {}


def main():
    out = threading.Lock()

    def say(line):
        with out:
            print(json.dumps(line), flush=True)

    options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    station = Station(on_request=lambda r: r['cmd'] != 'hello' and say({'request': r}), **options)
    say({'done': 'start', 'result': station.url})
    allowed = {name for name in dir(Station) if (getattr(Station, name).__doc__ or '').startswith('{"do"')}
    for line in sys.stdin:
        command = json.loads(line)
        do = command.pop('do')
        assert do in allowed, do
        say({'done': do, 'result': getattr(station, do)(**command)})
    station.stop()


if __name__ == '__main__':
    main()
