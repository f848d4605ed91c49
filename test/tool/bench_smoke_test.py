#!/usr/bin/env python3
"""`./dev bench --smoke` and `--soak`: every suite small, answers are checked, nothing stays."""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / 'tools'))
import bench_costs  # noqa: E402
import bench_flame  # noqa: E402
import bench_plot  # noqa: E402
import bench_report  # noqa: E402
import bench_restart  # noqa: E402
import bench_rounds  # noqa: E402
import bench_soak  # noqa: E402
import bench_suites  # noqa: E402

BINARY = sys.argv.pop(1)
SMOKE_S = 180
# These need recorded traces, or valgrind or perf, which only `./dev bench` installs.
NEEDY = {'levels', 'restart', 'policies', 'costs', 'flame'}
if shutil.which('redis-server') is None:
    NEEDY.add('deletes')  # a build with sanitizers does not tell what it has in use: nobody is left


class Bench(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='largetable-test-')
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        os.chmod(self.directory, 0o755)

    def left(self):
        """Files in the directory and processes that work in it."""
        lines = []
        for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
            try:
                lines.append(path.read_bytes().replace(b'\0', b' ').decode(errors='replace'))
            except OSError:
                continue
        return os.listdir(self.directory) + [line for line in lines if self.directory in line]

    def bench(self, *arguments):
        return subprocess.run([sys.executable, str(ROOT / 'tools/bench.py'), '--exe', BINARY,
                               *arguments],
                              env={**os.environ, 'TMPDIR': self.directory,
                                   'ASAN_OPTIONS': 'quarantine_size_mb=8'},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_smoke_runs_every_suite_in_time_and_leaves_nothing(self):
        begin = time.monotonic()
        done = self.bench('--smoke')
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(time.monotonic() - begin, SMOKE_S)
        count, skipped = re.search(r'smoke: (\d+) suites, every answer right(?:; skipped: (.*))?',
                                   done.stdout).groups()
        skipped = set(skipped.split(', ') if skipped else [])
        self.assertEqual(int(count) + len(skipped), len(bench_suites.SUITES))
        self.assertLessEqual(skipped, NEEDY)
        self.assertEqual(self.left(), [])

    def test_soak_fails_only_above_its_limit(self):
        for limit, code in (4000, 0), (10, 1):
            done = self.bench('--soak', '0.05', '--limit', str(limit), '--documents', '1000', '--',
                              '--memoryLimitMB', '4000')  # what it obeys is not what is allowed
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            self.assertEqual('above the limit' in done.stderr, code == 1)
            self.assertIn(f'limit {limit} MB, peak ', done.stdout)
        self.assertEqual(self.left(), [])

    def test_only_reads_find_what_was_loaded_before(self):
        for arguments in (['--workload', 'update'], ['--spawn'], ['--peer', 'redis']):
            done = subprocess.run([BINARY, 'bench', '--loaded', *arguments], capture_output=True,
                                  text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn('--loaded is for', done.stderr)

    def test_what_makes_no_sense_is_refused(self):
        for arguments, text in ((('--suite', 'reed'), "there is no suite 'reed'"),
                                (('--smoke', '--colour'), 'unknown for suites'),
                                (('--soak', '-1'), 'more than 0 minutes')):
            done = self.bench(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)


class Figures(unittest.TestCase):
    suite = bench_suites.Suite('s', 'S', 'rate', 'operations/s', [], [
        bench_suites.Bar('twice', 'a', 'rate', over='b', least=2.0),
        bench_suites.Bar('p99', 'a', 'p99', most=1.0),
        bench_suites.Bar('other', 'a', 'rate', over='c', least=2.0)])

    def judge(self, *rates):
        results = {'a': [{'rate': rate, 'p99': 0.5} for rate in rates], 'b': [{'rate': 10}]}
        return [bar['reached'] for bar in bench_rounds.judge(self.suite, results)]

    def test_bars_compare_medians(self):
        self.assertEqual(self.judge(1, 20, 900), [True, True, None])
        self.assertEqual(self.judge(1, 19, 900), [False, True, None])

    def test_memory_that_grows_or_is_too_much_is_a_complaint(self):
        flat = [100, 101, 99, 100] * 20
        self.assertEqual(bench_soak.verdict(flat, 100)[2], [])
        self.assertIn('above the limit', bench_soak.verdict([*flat, 111], 100)[2][0])
        growing = [60 + n / 4 for n in range(80)]
        self.assertIn('second half grew', bench_soak.verdict(growing, 100)[2][0])

    def test_plots_have_a_bar_a_run_and_a_dot_a_round(self):
        text = bench_plot.draw('T <1', 'x', [('a', 'redis', 2, [1, 2, 3]), ('b', 'echo', 5, [5])])
        self.assertEqual(text.count('<circle'), 4)
        self.assertEqual(text.count('<rect'), 3)
        self.assertIn('T &lt;1', text)
        for highest, step in (5, 1), (10, 2), (11, 5), (0.4, 0.1), (99999, 20000):
            self.assertAlmostEqual(bench_plot.nice_step(highest), step)

    def test_a_suite_without_room_for_it_is_left_out(self):
        with bench_rounds.Session(BINARY) as session:
            for lack in {'disk_gb': 1e9}, {'memory_gb': 1e9}:
                big = dataclasses.replace(self.suite, **lack, runs=[None])
                self.assertEqual(bench_rounds.run_suite(session, big, None), {})

    def test_recovered_is_who_misses_as_much_as_the_steady_in_a_window(self):
        steady = [5] * bench_restart.STEPS
        for late in 0, 30, bench_restart.STEPS:
            misses = [50] * late + steady[late:]
            self.assertEqual(bench_restart.recovered(misses, steady, 100), 100 * late)

    def test_calls_of_the_allocator_are_those_from_outside_of_it(self):
        path = pathlib.Path(tempfile.mkdtemp(prefix='largetable-test-'), 'callgrind')
        self.addCleanup(shutil.rmtree, path.parent)
        path.write_text('summary: 70\nob=/x/largetable\nfn=a\ncfn=malloc\ncalls=3 1\n0 5\n'
                        'cfn=malloc_usable_size\ncalls=9 1\n0 5\nob=/x/librocksdb.so.7\n'
                        'cfn=operator new(unsigned long)\ncalls=2 1\n0 5\n'
                        'ob=/x/libjemalloc.so.2\ncfn=malloc\ncalls=2 1\n0 5\n')
        self.assertEqual(bench_costs.callgrind_file(path), (70, 5, 3))

    def test_stacks_are_folded_from_the_outside_in_and_drawn(self):
        stacks = bench_flame.folded('lt-loop-0 \n'
                                    '\t1 vfs_read ([kernel.kallsyms])\n'
                                    '\t2 step.lto_priv.0 (/x/largetable)\n'
                                    '\t3 [unknown] (/lib/libuv.so.1.0.0)\n'
                                    '\t4 [unknown] (/lib/libuv.so.1.0.0)\n'
                                    '\t5 uv_run (/lib/libuv.so.1.0.0)\n\n')
        self.assertEqual(dict(stacks), {('l:lt-loop-0', 'l:libuv', 'o:step', 'k:vfs_read'): 1})
        text = bench_flame.draw('T', {'l:a;o:b<>': 999, 'l:a;o:rare': 1})
        self.assertIn('b&lt;&gt;: 99.9 %', text)
        self.assertNotIn('rare', text)

    def test_what_bounds_a_bar_is_told_where_it_is_not_reached(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix='largetable-test-'))
        self.addCleanup(shutil.rmtree, folder)
        (folder / 'bounds').mkdir()
        (folder / 'bounds/read.md').write_text('The disk.\n')
        for suite, reached, told in ('read', False, True), ('read', True, False), ('ycsb', False, False):
            saved = {'suite': suite, 'bars': [{'reached': True}, {'reached': reached}]}
            self.assertEqual(any('The disk.' in line for line in bench_report.bounds(saved, folder)),
                             told)

    def test_anchors_are_those_of_markdown(self):
        self.assertEqual(bench_report.anchor('YCSB A-F, 1,000 documents'),
                         'ycsb-a-f-1000-documents')


if __name__ == '__main__':
    unittest.main(verbosity=1)
