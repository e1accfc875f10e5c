# SPDX-License-Identifier: MIT
"""A network of two: U-Boot's sandbox on one end of a cable, a server with DHCP, TFTP and HTTP on the other.

Each end is a network namespace of its own, in a user namespace, so that nothing outside is touched and no root is needed.
"""
import pathlib, re, subprocess

from sandbox import UBOOT

SERVER = '10.77.0.1'


class Network:
    def __init__(self, folder):
        self.folder, self.processes = pathlib.Path(folder), []
        self.served = self.folder / 'served'
        self.served.mkdir(parents=True)
        # Each end lasts as long as the pipe that its process reads. unshare(1) makes the namespaces, then says so.
        self.board_end = self.hold(['unshare', '-rn'])
        self.server_end = self.hold([*self.on(self.board_end), 'unshare', '-n'])
        self.call(self.board_end, 'ip', 'link', 'add', 'board', 'type', 'veth', 'peer', 'name', 'server', 'netns', str(self.server_end))
        for end, name in (self.server_end, 'server'), (self.board_end, 'board'):
            # Nothing on a veth computes a checksum that a card would have computed later; U-Boot looks at it.
            self.call(end, 'ethtool', '-K', name, 'tx', 'off')
            self.call(end, 'ip', 'link', 'set', name, 'up')
        self.call(self.server_end, 'ip', 'address', 'add', f'{SERVER}/24', 'dev', 'server')

    def on(self, end):
        return ['nsenter', '-t', str(end), '-U', '-n', '--preserve-credentials']

    def call(self, end, *argv):
        done = subprocess.run([*self.on(end), *argv], capture_output=True, text=True)
        assert done.returncode == 0, f'{argv}: {done.stderr}'

    def hold(self, argv):
        process = subprocess.Popen([*argv, 'sh', '-c', 'echo; exec cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.processes.append(process)
        assert process.stdout.readline() == b'\n', f'{argv} failed'
        return process.pid

    def serve(self, argv, ready):
        """Starts a server and waits for the line that says it serves."""
        process = subprocess.Popen([*self.on(self.server_end), *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        said = ''
        for line in process.stdout:
            said += line
            if re.search(ready, line):
                return process
        raise AssertionError(f'{argv[0]} ended ({process.wait()}): {said}')

    def serve_tftp(self):
        return self.serve(['dnsmasq', '--no-daemon', '--no-ping', '--conf-file=/dev/null', '--port=0', '--interface=server', '--bind-interfaces',
                           '--user=root', '--log-facility=-', f'--dhcp-leasefile={self.folder}/leases', '--pid-file=',
                           '--dhcp-range=10.77.0.10,10.77.0.20', '--enable-tftp', f'--tftp-root={self.served}'], 'TFTP root')

    def serve_http(self):
        return self.serve(['python3', '-u', '-m', 'http.server', '80', '--bind', SERVER, '-d', str(self.served)], 'Serving HTTP')

    def board_program(self):
        """U-Boot's sandbox at this cable: what Board() takes as its program."""
        tree = subprocess.run(['dtc', '-q', '-I', 'dtb', '-O', 'dts', UBOOT / 'board.dtb'], check=True, capture_output=True, text=True)
        tree = tree.stdout + '/ { ethrawbus { skip-localhost = <1>; }; };\n'
        subprocess.run(['dtc', '-q', '-I', 'dts', '-O', 'dtb', '-o', self.folder / 'net.dtb'], input=tree, text=True, check=True)
        program = self.folder / 'u-boot'
        program.write_text(f'#!/bin/sh\nexec {" ".join(self.on(self.board_end))} {UBOOT}/u-boot -d {self.folder}/net.dtb\n')
        program.chmod(0o755)
        return program

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
            for pipe in process.stdin, process.stdout:
                if pipe:
                    pipe.close()
