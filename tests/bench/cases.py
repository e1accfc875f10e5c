"""The cases, by name. Each measures tools in turn on the same disks and returns rows."""
import os
import shutil
import signal
import statistics
import threading

import disks
import images
import importer
import station
import tools
from report import row_of

MIB = 1 << 20
CASES = {}


def case(name):
    def keep(function):
        CASES[name] = function
        return function
    return keep


def in_turn(bench, **actions):
    """Runs each action once, then all again, `runs` times: what disturbs the machine disturbs all alike."""
    results = {name: [] for name in actions}
    for number in range(bench.runs):
        for name, action in actions.items():
            bench.say(f'  {name.replace("_", " ")}, run {number + 1} of {bench.runs}')
            results[name].append(action())
    return results


def stored(bench, image):
    """The image is in the store and in the page cache. What is named on the command line is its .xz: that it still is the
    one in the store is proven by its times, which count once it has been left alone for a minute."""
    images.warm(image.form('xz'))
    if not bench.quick:
        images.settle(image.form('xz'), bench.say)
    tools.fill_store(bench, image.form('xz'), image.bmap, image.size)
    os.sync()
    return image


@case('write')
def write_only(bench):
    image, boards, rate = stored(bench, bench.image('big')), 8, 40 * MIB
    ideal, work = image.mapped / rate, image.mapped * boards
    with bench.gang(boards, image, rate) as gang:
        results = in_turn(bench, gangway=lambda: tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes, '--no-verify',
                                                               wanted='unverified'))
        if bench.peers:
            packed = image.packed()
            images.warm(packed)
            results |= in_turn(bench.with_runs(1), bmaptool_raw=lambda: tools.bmaptool(bench, image.raw, image.bmap, gang.nodes),
                               dd=lambda: tools.dd(bench, packed, gang.nodes))
    rows = [row_of('write', '8 × 40 MiB/s, stored, write only: gangway', results['gangway'], work, ideal=ideal, bar=1.02)]
    if bench.peers:
        rows.append(row_of('write', '… bmaptool copy, raw', results['bmaptool_raw'], work, ideal=ideal))
        rows.append(row_of('write', '… dd oflag=direct bs=4M of as many bytes (it knows no map: the whole image takes '
                           f'{image.size / image.mapped:.1f} × as long)', results['dd'], work, ideal=ideal))
    return rows


@case('verify')
def write_and_read_back(bench):
    image, boards, rate = stored(bench, bench.image('big')), 8, 40 * MIB
    ideal, work = 2 * image.mapped / rate, image.mapped * boards
    with bench.gang(boards, image, rate) as gang:
        results = in_turn(
            bench,
            read_back=lambda: tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes),
            compare=lambda: tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes, '--verify', 'compare'))
    rows = []
    for name, what, bar in (('read_back', 'read back and hashed', 0.9), ('compare', 'verify=compare', 0.35)):
        row = row_of('verify', f'8 × 40 MiB/s, stored, write + {what}', results[name], work, ideal=ideal, bar=1.02)
        rows += [row, row_of('cpu', f'CPU of all processes, {what}', results[name], work, bar=bar, unit='s/GB/board',
                             figure=row.cpu / (work / 1e9)), memory_row(f'8 boards, {what}', results[name], boards)]
    return rows


def memory_row(what, results, boards):
    peak = statistics.median([r.private for r in results]) / MIB
    return row_of('memory', f'peak private, {what}', results, 0, figure=peak, unit='MiB', bar=32 + 3 * boards)


def cold(form, bar):
    def measure(bench):
        image, boards, rate = bench.image('big'), 8, 40 * MIB
        source = image.form(form)
        images.warm(source)
        ideal, work = image.mapped / rate, image.mapped * boards
        alone = images.decode_seconds(source) if form == 'xz1' else 0

        def once():
            bench.empty_store()
            return tools.gangway(bench, source, image.bmap, gang.nodes, '--no-verify', wanted='unverified')
        with bench.gang(boards, image, rate) as gang:
            results = in_turn(bench, gangway=once)['gangway']
        name = f'cold-{form}'
        floor = {'ratio_of': max(ideal, alone), 'ratio_name': f'max(ideal, decode {alone:.1f} s)'} if alone else {}
        return [row_of(name, f'8 × 40 MiB/s, cold start from {FORMS[form]}, write only', results, work, ideal=ideal, bar=bar,
                       **floor),
                memory_row(f'8 boards, cold from {FORMS[form]}', results, boards)]
    return measure


FORMS = {'xz': '.xz (24 MiB blocks)', 'xz1': '.xz (one block)', 'gz': '.gz', 'zst': '.zst'}
for _form, _bar in (('xz', 1.05), ('gz', 1.05), ('zst', 1.05), ('xz1', 1.08)):
    CASES[f'cold-{_form}'] = cold(_form, _bar)


@case('many')
def many_boards(bench):
    image, boards, rate = stored(bench, bench.image('small')), 32, 20 * MIB
    ideal, work = 2 * image.mapped / rate, image.mapped * boards
    with bench.gang(boards, image, rate) as gang:
        results = in_turn(bench, gangway=lambda: tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes))['gangway']
    return [row_of('many', f'32 × 20 MiB/s, {image.mapped / 1e6:.0f} MB mapped, write + read-back', results, work, ideal=ideal,
                   bar=1.04), memory_row('32 boards', results, boards)]


LINK_RATE = 38_000_000  # bytes a second: what a high-speed hub carries in practice


@case('link')
def shared_link(bench):
    """Windows over one throttled disk, the same for both tools."""
    image = stored(bench, bench.image('tiny'))
    rows = []
    for links in (1, 2):
        for boards in (1, 2, 4, 8, 16):
            rows += one_link(bench, image, links, boards)
    return rows


def one_link(bench, image, links, boards):
    longest = -(-boards // links)  # boards on the fullest wire
    ideal, work = longest * image.mapped / LINK_RATE, image.mapped * boards
    tight = links == 1 and boards >= 8
    what = f'{boards} boards on {links} link{"s" if links > 1 else ""} of 38 MB/s'
    with disks.Link(bench.ram, bench.throttle, boards, links, image.size, image.ranges, LINK_RATE) as link:
        results = in_turn(bench if tight else bench.with_runs(1),
                          gangway=lambda: tools.gangway(bench, image.form('xz'), image.bmap, link.nodes))
        if bench.peers:
            results |= in_turn(bench.with_runs(1), bmaptool=lambda: tools.bmaptool(bench, image.form('xz'), image.bmap, link.nodes))
    rows = [row_of('link', f'{what}: gangway, write + read-back', results['gangway'], work, ideal=2 * ideal,
                   bar=1.02 if tight else 0)]
    if bench.peers:
        rows.append(row_of('link', f'{what}: bmaptool copy of .xz, nothing read back', results['bmaptool'], work, ideal=ideal))
    return rows


@case('link-demo')
def shared_link_of_the_virtual_fixture(bench):
    """The whole station: one wire that reads and writes share, its schedule, fairness and the page's estimate."""
    image = bench.image('tiny')
    rows = []
    for boards in (8, 16):
        ideal, work = 2 * boards * image.mapped / LINK_RATE, image.mapped * boards
        disks.need_memory(boards * image.mapped + 3 * image.mapped)
        results, cycles, unfair, errors = [], [], [], []
        for number in range(bench.runs):
            bench.say(f'  {boards} boards, run {number + 1}')
            result, watcher = station.demo(bench, boards, LINK_RATE, LINK_RATE, image)
            tools.checked(result, 'gangway demo')
            results.append(result)
            cycles.append(station.cycle(watcher, boards))
            unfair.append(station.unfairness(watcher))
            errors.append(max(watcher.estimate_errors(), default=1))
        what = f'virtual fixture, {boards} boards on one wire of 38 MB/s both ways together'
        row = row_of('link-demo', f'{what}: first byte to last verdict', results, work, ideal=ideal, bar=1.02)
        row.wall = statistics.median(cycles)
        rows += [row, row_of('link-demo', '… the boards\' times apart (share of their mean)', results, 0,
                             figure=statistics.median(unfair), bar=0.05, unit='of the mean'),
                 row_of('link-demo', '… the page\'s time left, farthest from what came', results, 0,
                        figure=statistics.median(errors), bar=0.05, unit='of the cycle')]
    return rows


SELF_RATE = 80_000_000  # bytes a second: what a board's U-Boot reads from an eMMC in HS200 or DDR52


@case('on-target')
def boards_that_read_themselves_back(bench):
    """The same station, the same wire: read back over it, or by the boards themselves."""
    image, rows = bench.image('tiny'), []
    ways = {'read back over the wire': (), 'read back by themselves at 80 MB/s': ('--on-target', SELF_RATE)}
    for boards in (8, 16):
        over = boards * image.mapped / LINK_RATE
        disks.need_memory(boards * image.mapped + 3 * image.mapped)

        def one(more, cycles):
            result, watcher = station.demo(bench, boards, 0, LINK_RATE, image, more=more)
            tools.checked(result, 'gangway demo')
            cycles.append(station.cycle(watcher, boards))
            return result
        cycles = {way: [] for way in ways}
        results = in_turn(bench, **{way: lambda way=way: one(ways[way], cycles[way]) for way in ways})
        for way, ideal in zip(ways, (2 * over, over + image.mapped / SELF_RATE)):
            row = row_of('on-target', f'{boards} boards on one wire of 38 MB/s: {way}', results[way], image.mapped * boards, ideal=ideal)
            row.wall = statistics.median(cycles[way])
            rows.append(row)
        host, own = rows[-2:]
        rows.append(row_of('on-target', '… so that a cycle is', results['read back by themselves at 80 MB/s'], 0,
                           figure=host.wall / own.wall, bar=1.5, unit='× shorter', at_least=True))
    return rows


@case('station')
def cost_of_the_station(bench):
    """Ledger, page and events beside the workers: everything of ours that is neither worker nor importer."""
    image, boards, pages = bench.image('tiny'), 64, 20
    seconds = 4 if bench.quick else 12
    rate = image.mapped / (seconds + 4)
    disks.need_memory((boards + 3) * image.mapped)
    bench.say(f'  {boards} boards and {pages} pages')
    result, last = station.cost(bench, boards, pages, rate, seconds, image)
    tools.checked(result, 'gangway demo')
    if last.get('pages') != pages:
        raise tools.Failed(f'only {last.get("pages")} of {pages} pages were served to the end')
    share = 100 * sum(last[role] for role in ('station', 'recorder', 'reader', 'web'))  # each of them was seen
    parts = ', '.join(f'{role} {100 * last.get(role, 0):.1f}' for role in ('station', 'recorder', 'reader', 'web', 'demo'))
    return [row_of('station', f'{boards} boards being programmed, {pages} pages open: all but the workers ({parts})', [result], 0,
                   figure=share, bar=5, unit='% of a core')]


@case('bmaptool')
def against_bmaptool(bench):
    image, boards, rate = bench.image('big'), 8, 40 * MIB
    source = image.form('xz')
    images.warm(source)
    ideal, work = image.mapped / rate, image.mapped * boards

    def cold_start(*flags, **more):
        bench.empty_store()
        return tools.gangway(bench, source, image.bmap, gang.nodes, *flags, **more)
    with bench.gang(boards, image, rate) as gang:
        results = in_turn(bench.with_runs(1), write_only=lambda: cold_start('--no-verify', wanted='unverified'),
                          read_back=cold_start, bmaptool=lambda: tools.bmaptool(bench, source, image.bmap, gang.nodes))
    theirs = statistics.median(r.wall for r in results['bmaptool'])
    rows = [row_of('bmaptool', 'bmaptool copy of the .xz, 8 at once', results['bmaptool'], work, ideal=ideal)]
    for name, what in (('write_only', 'write only'), ('read_back', 'with our read-back')):
        mine = row_of('bmaptool', f'gangway, the same .xz, cold, {what}', results[name], work)
        mine.figure, mine.unit = theirs / mine.wall, '× faster'
        rows.append(mine)
    return rows


@case('unthrottled')
def unthrottled(bench):
    image = stored(bench, bench.image('big'))
    packed = image.packed()
    images.warm(packed, image.raw)

    def ours(*flags):
        result = tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes, '--no-verify', *flags, wanted='unverified')
        if not bench.quick and ('unchanged since it was hashed' in result.errors) == bool(flags):
            raise tools.Failed(f'the source was not proven as it was to be: {result.errors}')
        return result
    with bench.gang(1, image, 0, also=[(0, image.mapped)]) as gang:  # where dd puts as many bytes
        peers = {'bmaptool': lambda: tools.bmaptool(bench, image.raw, image.bmap, gang.nodes)} if bench.peers else {}
        results = in_turn(  # a run takes 0.15 s, so that three of them say less than of any other case
            bench.with_runs(3 * bench.runs), dd=lambda: tools.dd(bench, packed, gang.nodes), floor=lambda: tools.floor(bench, packed, gang.nodes[0]),
            gangway=ours, hashing=lambda: ours('--hash-source'), **peers)
    dd = statistics.median(r.wall for r in results['dd'])
    rows = [row_of('unthrottled', 'dd oflag=direct bs=4M of as many bytes', results['dd'], image.mapped),
            row_of('unthrottled', 'the least: one process, a mapped file, libaio, three in flight; nothing checked or proven '
                   '(tests/bench/floor.c)', results['floor'], image.mapped, ratio_of=dd, ratio_name='dd'),
            row_of('unthrottled', 'one loop disk, stored, write only: gangway', results['gangway'], image.mapped, ratio_of=dd,
                   ratio_name='dd', bar=1.05),
            row_of('unthrottled', '… with --hash-source: the named .xz is hashed beside it', results['hashing'], image.mapped, ratio_of=dd,
                   ratio_name='dd')]
    if bench.peers:
        theirs = row_of('unthrottled', 'bmaptool copy, raw', results['bmaptool'], image.mapped)
        faster = row_of('unthrottled', 'gangway against bmaptool', results['gangway'], image.mapped, bar=4, unit='× faster',
                        figure=theirs.wall / rows[2].wall, at_least=True)
        rows += [theirs, faster]
    return rows


@case('slow-board')
def slow_board(bench):
    """Seven boards' times with and without an eighth that is eight times slower; it is cancelled when they are through."""
    image, boards, rate = stored(bench, bench.image('big')), 8, 40 * MIB
    work = image.mapped * boards

    def times(result):
        lines = [tools.gangway_results(result.output).get(node, {}) for node in gang.nodes[:-1]]
        if any(line.get('result') != 'unverified' or line['bytes_written'] != image.mapped for line in lines):
            raise tools.Failed(f'not all of the seven were written: {result.output[-600:]}')
        return [line['write_seconds'] for line in lines]

    def with_slow():
        gang.set_rate(boards - 1, 5 * MIB)
        try:
            words = tools.gangway_words(bench, image.form('xz'), image.bmap, gang.nodes, '--no-verify')
            return bench.run([words], ignore=os.path.realpath(bench.store), on_start=lambda children: cancel_when_written(gang, image, children))
        finally:
            gang.set_rate(boards - 1, rate)
    with bench.gang(boards, image, rate) as gang:
        results = in_turn(bench, without=lambda: tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes, '--no-verify',
                                                               wanted='unverified'), with_slow=with_slow)
        without, beside = (statistics.median(max(times(r)) for r in results[name]) for name in ('without', 'with_slow'))
    return [row_of('slow-board', 'the slowest of seven boards, an eighth at 5 MiB/s beside them', results['with_slow'], work,
                   figure=beside / without, ratio_name='their time without it', bar=1.03)]


def cancel_when_written(gang, image, children):
    """Ctrl-C once seven disks have taken the whole image (the slow one would go on for two minutes)."""
    start = [disk.written_bytes() for disk in gang.disks]

    def watch():
        pause = threading.Event()
        while children[0].returncode is None:
            done = [disk.written_bytes() - before >= image.mapped for disk, before in zip(gang.disks, start)]
            if all(done[:-1]):
                pause.wait(1)
                children[0].send_signal(signal.SIGINT)
                return
            pause.wait(0.2)
    threading.Thread(target=watch, daemon=True).start()


@case('memory-limit')
def larger_than_memory(bench):
    """Everything, page cache included, in a memory cgroup; the slowest board falls a third behind the fastest."""
    image = bench.image('big')
    rates = [rate * MIB for rate in (40, 38, 36, 34, 32, 30, 28, 26)]
    rows = []
    with disks.DiskStore(bench.ram, 2 * image.mapped) as store_disk, bench.with_store(store_disk.folder / 'store'), \
            bench.gang(len(rates), image, 0) as gang:
        tools.fill_store(bench, image.form('xz'), image.bmap, image.size)
        for index, rate in enumerate(rates):
            gang.set_rate(index, rate)
        for limit, bar in ((bench.memory_limit, 1.3), (bench.memory_limit // 3, 0)):
            rows.append(with_memory(bench, image, rates, limit, store_disk, gang, bar))
    return rows


def with_memory(bench, image, rates, limit, store_disk, gang, bar):
    """The second limit is below what the boards drift apart: then some of them have to read alone."""
    reads, results = [], []
    for number in range(bench.runs if bar else 1):
        bench.say(f'  {limit // MIB} MiB of memory, run {number + 1}')
        store_disk.forget_cache()
        before = store_disk.disk.read_bytes()
        with bench.throttle.memory(limit) as group:
            results.append(tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes, enter=group))
        reads.append(store_disk.disk.read_bytes() - before)
    return row_of('memory-limit', f'{image.mapped // MIB} MiB mapped in {limit // MIB} MiB of memory, 8 boards of 40 … 26 MiB/s: '
                  'reads of the store\'s disk', results, image.mapped * len(rates), figure=statistics.median(reads) / image.mapped,
                  ratio_name='mapped', ideal=2 * image.mapped / rates[-1], bar=bar)


# form -> what bmaptool would decode it with
DECODERS = {'raw': None, 'zst': ['zstd', '-dc'], 'zst-frames': ['zstd', '-dc'], 'lz4': ['lz4', '-dc'], 'gz': ['pigz', '-dc'],
            'xz': ['xz', '-dcT0'], 'bz2': ['pbzip2', '-dc']}
SLOW = ('gz', 'xz', 'bz2')


@case('import')
def import_alone(bench):
    """The importer without any board, into a store in RAM, beside the decoder alone, which hashes and stores nothing."""
    image = bench.image('big')
    disks.need_memory(2 * image.mapped)
    rows = []
    for form, decoder in DECODERS.items():
        source, store = images.compress(image, form, bench.say), bench.ram.folder / 'import-store'
        images.warm(source)

        def once():
            shutil.rmtree(store, ignore_errors=True)
            return importer.run(bench.gangway, store, source, image.bmap)

        def alone():
            return tools.checked(bench.run([['sh', '-c', '"$@" >/dev/null', '-', *decoder, source]]), decoder[0])
        results = in_turn(bench.with_runs(1) if form in SLOW else bench, gangway=once,
                          **({'decoder': alone} if bench.peers and decoder else {}))
        shutil.rmtree(store)
        what = ' '.join(images.COMPRESSORS.get(form, ['the raw file']))
        row = row_of('import', f'{what}: gangway, into the store', results['gangway'], image.mapped)
        rows.append(row)
        if 'decoder' in results:
            other = row_of('import', f'… {" ".join(decoder)}, to /dev/null', results['decoder'], image.mapped)
            row.ratio_of, row.ratio_name = other.wall, f'{" ".join(decoder)}'
            rows.append(other)
    return rows


@case('study')
def study(bench):
    """For tests/bench/study: what piece size and depth change. Not one of the table's cases."""
    image, boards, rate = stored(bench, bench.image('small')), 8, 40 * MIB
    work = image.mapped * boards
    rows = []
    for what, count, speed in (('8 × 40 MiB/s', boards, rate), ('one unthrottled', 1, 0)):
        with bench.gang(count, image, speed) as gang:
            results = in_turn(bench, gangway=lambda: tools.gangway(bench, image.form('xz'), image.bmap, gang.nodes))['gangway']
        rows.append(row_of('study', f'{what}, write + read-back', results, image.mapped * count,
                           ideal=2 * image.mapped / speed if speed else 0))
    return rows
