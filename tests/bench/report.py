"""Rows of figures: medians, ratios, bars; as a table on the terminal and as docs/performance.md."""
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import statistics

SRC = pathlib.Path(__file__).resolve().parents[2]
MIB = 1 << 20
BEGIN, END = '<!-- bench:begin -->', '<!-- bench:end -->'


@dataclasses.dataclass
class Row:
    case: str
    what: str                # what was done, by which tool
    wall: float              # seconds, median
    runs: int
    cpu: float               # seconds of all processes, median
    work: float              # bytes on all boards together (mapped bytes x boards)
    private: int             # bytes, median of the peaks
    ideal: float = 0.0       # seconds; 0: there is none
    ratio_of: float = 0.0    # seconds that the bar compares with, when it is not the ideal
    ratio_name: str = ''     # ... and what those are
    bar: float = 0.0         # the highest ratio (or figure) that holds; 0: reported only
    figure: float = None     # what the bar is about when it is no ratio of times
    unit: str = ''
    at_least: bool = False   # the bar is a floor

    @property
    def ratio(self):
        against = self.ratio_of or self.ideal
        return self.figure if self.figure is not None else (self.wall / against if against else None)

    @property
    def holds(self):
        if not self.bar or self.ratio is None:
            return None
        return self.ratio >= self.bar if self.at_least else self.ratio <= self.bar

    def cells(self):
        ratio, sign = self.ratio, '≥' if self.at_least else '≤'
        against = self.ratio_name or ('ideal' if self.ideal and self.figure is None else '')
        return [self.case, self.what, f'{self.wall:.2f}' if self.wall else '',
                f'{self.ideal:.2f}' if self.ideal else '',
                '' if ratio is None else f'{ratio:.3f} {self.unit or "×"} {against}'.strip(),
                f'{sign} {self.bar:g}' if self.bar else '',
                {True: 'holds', False: 'FALLS SHORT', None: ''}[self.holds],
                f'{self.cpu:.1f}' if self.cpu else '',
                f'{self.cpu / (self.work / 1e9):.2f}' if self.cpu and self.work else '',
                f'{self.private / MIB:.1f}' if self.private else '', str(self.runs)]


HEAD = ['case', 'what', 'wall s', 'ideal s', 'ratio', 'bar', '', 'CPU s', 'CPU s/GB/board', 'private MiB', 'runs']


def row_of(case, what, results, work, **more):
    """One row from the runs of one tool."""
    def median(values):
        return statistics.median(values)
    return Row(case, what, median([r.wall for r in results]), len(results), median([r.cpu for r in results]), work,
               int(median([r.private for r in results])), **more)


def table(rows):
    cells = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    left = {0, 1, 4, 6}
    return '\n'.join('  '.join(text.ljust(w) if i in left else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths)))
                     .rstrip() for line in cells)


def markdown(rows):
    lines = ['| ' + ' | '.join(HEAD) + ' |', '|' + '---|' * len(HEAD)]
    return '\n'.join(lines + ['| ' + ' | '.join(row.cells()) + ' |' for row in rows])


def cpu_name():
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.machine()


def machine():
    flags = pathlib.Path('/proc/cpuinfo').read_text()
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    return (f'{cpu_name()}, {os.cpu_count()} CPUs, {"SHA-NI" if " sha_ni" in flags else "no SHA-NI"}, '
            f'{memory / (1 << 30):.0f} GiB of memory, Linux {platform.release()}')


def keep(path, name, rows, load):
    """The rows of a case stay, with when and how quietly they were measured, until its next run."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    date = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC')
    kept[name] = {'date': date, 'load': load, 'rows': [dataclasses.asdict(row) for row in rows]}
    path.write_text(json.dumps(kept, indent=1))


def titled(kept, sections):
    """Rows in sections: (title, text, names of the rows' cases)."""
    rows = [Row(**row) for case in kept.values() for row in case['rows']]
    parts = []
    for title, text, cases in sections:
        mine = [row for row in rows if row.case in cases]
        if mine:
            parts.append(f'## {title}\n\n{text}\n\n{markdown(mine)}\n')
    return '\n'.join(parts)


def write_doc(path, kept_in, throttle, skipped, sections, command):
    """Replaces what stands between the markers of docs/performance.md; the rest of it is written by hand."""
    kept = json.loads(kept_in.read_text())
    when = '; '.join(f'{name} {case["date"]} (load {case["load"]:.1f})' for name, case in kept.items())
    missed = '\n'.join(f'- {name}: not measured: {why}' for name, why in skipped)
    body = (f'{BEGIN}\n`{command}` on {machine()}; disks throttled by {throttle}. Medians of the runs named in the last column. '
            f'Measured, with the load average just before: {when}.\n\n{titled(kept, sections)}\n'
            f'{missed}\n{END}')
    text = path.read_text() if path.exists() else f'# How fast, and beside what\n\n{BEGIN}\n{END}\n'
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(head + body + tail)
