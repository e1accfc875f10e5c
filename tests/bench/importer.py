"""Runs the importer alone, as its parent does: a source goes in, an entry of the store comes out, no board waits."""
import fcntl
import os
import socket
import struct
import time

import measure

IMPORT_DONE, IMPORT_FAILED = 5, 6  # image/import_wire.h
FIRST_FD = 3                       # base/child.h
HIGH_FD = 100                      # above those, so that no move overwrites one still to be moved


class Failed(Exception):
    """The importer did not do its work: there is no figure."""


def start(gangway, store, source, bmap, sock):
    """The role with its descriptors: socket, wake-up, image, bmap. Returns its pid."""
    words = [str(gangway), 'importer', str(store), '0', 'no', str(source), str(bmap)]
    opened = [os.eventfd(0, os.EFD_CLOEXEC), *(os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in (source, bmap))]
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_FD) for fd in [sock.fileno(), *opened]]
    moves = [(os.POSIX_SPAWN_DUP2, fd, FIRST_FD + number) for number, fd in enumerate(high)]
    try:
        return os.posix_spawn(gangway, words, {**os.environ, 'GANGWAY_PARENT': str(os.getpid())}, file_actions=moves)
    finally:
        for fd in opened + high:
            os.close(fd)


def last_word(sock):
    """Listens until the importer has done, or says why not."""
    while packet := sock.recv(4096):
        kind, _, number = struct.unpack_from('IIi', packet)
        if kind == IMPORT_DONE:
            return ''
        if kind == IMPORT_FAILED:
            return f'{os.strerror(number)}: {packet.split(bytes(1))}'
    return 'it ended without a word'


def run(gangway, store, source, bmap, enter=()):
    """One import. Wall ends when the entry is in the store, on its disk, and the process has ended."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        began = time.monotonic()
        with theirs:
            pid = start(gangway, store, source, bmap, theirs)
        sampler = measure.Sampler([pid], os.path.realpath(store))
        sampler.start()
        try:
            said = last_word(ours)
        finally:
            _, status, usage = os.wait4(pid, 0)
            wall = time.monotonic() - began
            sampler.stop.set()
            sampler.join()
    if said or status:
        raise Failed(f'importer, {source}: {said}, status {status}')
    return measure.Result(wall, usage.ru_utime + usage.ru_stime, 0, sampler.decoder, [0], '', '')
