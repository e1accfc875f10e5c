"""What is compared: gangway, bmaptool and dd, as a person would type them."""
import json
import os
import pathlib
import subprocess


class Failed(Exception):
    """A tool did not do its work: the case has no figure."""


def checked(result, what):
    if any(result.codes):
        raise Failed(f'{what}: exit {result.codes}: {result.errors.strip()[-600:]}')
    return result


def gangway_words(bench, source, bmap, nodes, *flags):
    return [bench.gangway, 'write', '--json', '--store', bench.store, '--bmap', bmap, *flags, source, *nodes]


def gangway_results(output):
    """The result line of every target."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{')]
    return {line['target']: line for line in lines if line.get('event') == 'result'}


def gangway(bench, source, bmap, nodes, *flags, wanted='pass', **more):
    result = bench.run([gangway_words(bench, source, bmap, nodes, *flags)], ignore=os.path.realpath(bench.store), **more)
    checked(result, 'gangway write')
    results = gangway_results(result.output)
    if len(results) != len(nodes) or any(line['result'] != wanted for line in results.values()):
        raise Failed(f'gangway write: {len(results)} results of {len(nodes)}, not all {wanted}: {result.output[-600:]}')
    return result


def bmaptool(bench, source, bmap, nodes):
    """One process a disk: bmaptool knows no other way. Written and flushed, nothing is read back."""
    commands = [['bmaptool', '-q', 'copy', '--bmap', bmap, source, node] for node in nodes]
    return checked(bench.run(commands), 'bmaptool copy')


def dd(bench, source, nodes):
    commands = [['dd', f'if={source}', f'of={node}', 'bs=4M', 'oflag=direct', 'status=none'] for node in nodes]
    return checked(bench.run(commands), 'dd')


def floor(bench, source, node):
    """The least that our way of writing can take (floor.c), as many bytes as dd is given."""
    program, code = bench.folder / 'floor', pathlib.Path(__file__).resolve().parent / 'floor.c'
    if not program.exists() or program.stat().st_mtime < code.stat().st_mtime:
        subprocess.run(['cc', '-O2', '-D_GNU_SOURCE', '-o', program, code, '-laio'], check=True)
    return checked(bench.run([[program, source, node]]), 'floor')


def fill_store(bench, source, bmap, size):
    """The image goes into the store, by way of a throw-away file of its size."""
    target = bench.ram.folder / 'throw-away'
    with open(target, 'wb') as file:
        file.truncate(size)
    try:
        gangway(bench, source, bmap, [target], '--no-verify', wanted='unverified')
    finally:
        target.unlink()
