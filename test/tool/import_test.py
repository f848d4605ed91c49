#!/usr/bin/env python3
"""`largetable import` against a real server: each format, bad lines, upserts, refusals."""
import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest

import bson

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
from server import Server, TIMEOUT_S  # noqa: E402

BINARY = sys.argv.pop(1)


class Import(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(BINARY).start()
        cls.client = cls.server.client()
        cls.directory = tempfile.mkdtemp(prefix='largetable-test-')

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.close()
        shutil.rmtree(cls.directory)

    def setUp(self):
        self.name = self.id().split('.')[-1]
        self.collection = self.client.imports[self.name]

    def run_import(self, content, *arguments, name='file', feed=False):
        path = os.path.join(self.directory, name)
        data = content if isinstance(content, bytes) else content.encode()
        with open(path, 'wb') as file:
            file.write(data)
        self.path = path
        return subprocess.run(
            [BINARY, 'import', '-' if feed else path, '--db', 'imports', '--collection', self.name,
             '--port', str(self.server.port), *arguments],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            **({'input': content} if feed else {}))

    def import_all(self, content, *arguments, **more):
        done = self.run_import(content, *arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, '')
        self.assertIn(f'{self.collection.count_documents({})} documents imported', done.stdout)
        return done

    def found(self):
        return list(self.collection.find({}, {'_id': 0}).sort('a', 1))

    # ---- formats ----

    def test_a_json_array(self):
        self.import_all('[{"a": 1, "b": {"c": [1, 2]}},\n {"a": {"$numberLong": "2"}}]')
        self.assertEqual(self.found(), [{'a': 1, 'b': {'c': [1, 2]}}, {'a': 2}])

    def test_json_over_lines(self):
        self.import_all('{\n  "a": 1\n}\n{\n  "a": 2\n}\n')
        self.assertEqual(self.found(), [{'a': 1}, {'a': 2}])

    def test_ndjson_in_many_batches_on_many_connections(self):
        text = ''.join(json.dumps({'a': i, 's': 'x' * (i % 300)}) + '\n' for i in range(20000))
        self.import_all(text, '--batch', '77', '--connections', '5')
        found = self.found()
        self.assertEqual([doc['a'] for doc in found], list(range(20000)))
        self.assertEqual(found[299]['s'], 'x' * 299)

    def test_a_line_longer_than_the_window(self):
        self.import_all(json.dumps({'a': 'y' * 5000000}) + '\n{"a": 1}\n')
        self.assertEqual(len(self.collection.find_one({'a': {'$type': 'string'}})['a']), 5000000)

    def test_csv(self):
        self.import_all('\ufeffa,b.x,name,b.y\r\n1,2.5,"O\'Hara, ""Jo""",true\r\n2,007,"two\nlines",\r\n')
        self.assertEqual(self.found(), [
            {'a': 1, 'b': {'x': 2.5, 'y': True}, 'name': 'O\'Hara, "Jo"'},
            {'a': 2, 'b': {'x': '007', 'y': ''}, 'name': 'two\nlines'}])

    def test_csv_without_header(self):
        self.import_all('1,x\n2,\n', '--type', 'csv', '--fields', 'a,b', '--ignore-blanks')
        self.assertEqual(self.found(), [{'a': 1, 'b': 'x'}, {'a': 2}])

    def test_bson(self):
        docs = [{'_id': bson.ObjectId(), 'a': i, 'd': bson.decimal128.Decimal128('1.50')}
                for i in range(3000)]
        self.import_all(b''.join(bson.encode(doc) for doc in docs), name='dump.bson')
        self.assertEqual(sorted(self.collection.find(), key=lambda doc: doc['a']), docs)

    def test_standard_input(self):
        self.import_all('{"a": 1}\n', feed=True)
        self.assertEqual(self.found(), [{'a': 1}])

    def test_nothing(self):
        for text in ['', '\n \n', '[]', '[ ]\n']:
            self.import_all(text)
        self.assertEqual(self.found(), [])

    # ---- bad records ----

    def test_bad_lines_are_told_and_the_others_imported(self):
        done = self.run_import('{"a": 1}\n{"a": }\n\n[1]\n{"a": 2} x\n{"a": 3}\n{"a"\n')
        self.assertEqual(done.returncode, 1)
        lines = [line.split(':')[1] for line in done.stderr.splitlines()]
        self.assertEqual(lines, ['2', '4', '5', '7'])
        self.assertIn('2 documents imported', done.stdout)
        self.assertIn('4 failed', done.stdout)
        self.assertEqual(self.found(), [{'a': 1}, {'a': 3}])

    def test_bad_elements_of_an_array(self):
        done = self.run_import('[{"a": 1},\n5,\n"x",\n{"a": 2}]')
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line.split(':')[1] for line in done.stderr.splitlines()], ['2', '3'])
        self.assertEqual(self.found(), [{'a': 1}, {'a': 2}])

    def test_a_cut_file_keeps_what_came_before(self):
        done = self.run_import('[{"a": 1},\n{"a": 2},\n{"a": ')
        self.assertEqual(done.returncode, 1)
        self.assertIn('file:3: the last value has no end', done.stderr)
        self.assertEqual(self.found(), [{'a': 1}, {'a': 2}])

    def test_a_cut_dump(self):
        done = self.run_import(bson.encode({'a': 1}) + bson.encode({'a': 2})[:-1])
        self.assertEqual(done.returncode, 1)
        self.assertIn('document 2: the last document is cut off', done.stderr)
        self.assertEqual(self.found(), [{'a': 1}])

    def test_bad_csv_lines(self):
        done = self.run_import('a,b\n1,2\n1\n"x"y,1\n3,"four\nlines"\n5\n')
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line.split(':')[1] for line in done.stderr.splitlines()], ['3', '4', '7'])
        self.assertEqual(self.found(), [{'a': 1, 'b': 2}, {'a': 3, 'b': 'four\nlines'}])

    def test_documents_the_server_refuses_are_told_by_line(self):
        done = self.run_import('{"_id": 1}\n{"_id": 2}\n{"_id": 1}\n{"_id": 3}\n')
        self.assertEqual(done.returncode, 1)
        self.assertIn('file:3: E11000', done.stderr)
        self.assertEqual(self.collection.count_documents({}), 3)

    def test_stop_on_error_stops_at_a_bad_line(self):
        done = self.run_import('{"a": 1}\nx\n{"a": 2}\n', '--stop-on-error', '--type', 'ndjson')
        self.assertEqual(done.returncode, 1)
        self.assertIn('file:2: ', done.stderr)
        self.assertEqual(self.found(), [{'a': 1}])

    def test_stop_on_error_stops_at_a_refused_document(self):
        done = self.run_import('{"_id": 1}\n{"_id": 1}\n{"_id": 2}\n', '--stop-on-error')
        self.assertEqual(done.returncode, 1)
        self.assertIn('file:2: E11000', done.stderr)
        self.assertIn('1 documents imported', done.stdout)
        self.assertEqual(self.collection.count_documents({}), 1)

    def test_many_errors_are_counted_only(self):
        done = self.run_import('x\n' * 500, '--type', 'ndjson')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 101)
        self.assertIn('500 failed', done.stdout)

    # ---- what to do with the collection ----

    def test_drop(self):
        self.import_all('{"a": 1}')
        self.import_all('{"a": 2}', '--drop')
        self.assertEqual(self.found(), [{'a': 2}])

    def test_key_replaces_or_inserts(self):
        self.import_all('{"k": 1, "z": {"x": 1}, "a": 1, "old": true}')
        done = self.run_import('{"k": 1, "z": {"x": 1}, "a": 2}\n{"k": 1, "z": {"x": 2}, "a": 3}\n'
                               '{"k": 1, "a": 4}\n', '--key', 'k,z.x')
        self.assertEqual(done.returncode, 1)
        self.assertIn('file:3: the document has no z.x', done.stderr)
        self.assertIn('2 documents imported', done.stdout)
        self.assertEqual(self.found(), [{'k': 1, 'z': {'x': 1}, 'a': 2},
                                        {'k': 1, 'z': {'x': 2}, 'a': 3}])

    # ---- the command line ----

    def test_refusals(self):
        for arguments, status, words in [
                (['--batch', '0'], 2, 'from 1 to 100000'),
                (['--connections', '65'], 2, 'from 1 to 64'),
                (['--type', 'xml'], 2, 'json, ndjson'),
                (['--key', 'a,,b'], 2, 'no field name'),
                (['--uri', 'mongodb://127.0.0.1'], 2, 'either'),
                (['--db', 'a.b'], 1, "a.b"),
        ]:
            done = self.run_import('{}', *arguments)
            self.assertEqual(done.returncode, status, arguments)
            self.assertIn(words, done.stderr)

    def test_a_compressed_file_is_refused(self):
        done = self.run_import(b'\x1f\x8b\x08\x08\x00\x00\x00\x00')
        self.assertEqual(done.returncode, 1)
        self.assertIn('unpack', done.stderr)

    def test_a_missing_file_and_a_missing_server_are_told(self):
        done = subprocess.run([BINARY, 'import', '/nonexistent/x.json', '--uri',
                               f'mongodb://localhost:{self.server.port}/d'],
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('/nonexistent/x.json: No such file', done.stderr)
        done = self.run_import('{}', '--port', '1')
        self.assertEqual(done.returncode, 1)
        self.assertIn('127.0.0.1:1: Connection refused', done.stderr)

    def test_the_bar_is_drawn_on_a_terminal(self):
        path = os.path.join(self.directory, 'bar.json')
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines('{"a": %d}\n' % i for i in range(30000))
        terminal, line = pty.openpty()
        done = subprocess.run([BINARY, 'import', path, '--db', 'imports', '--collection', self.name,
                               '--port', str(self.server.port)], stderr=line, text=True,
                              stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False)
        os.close(line)
        drawn = os.read(terminal, 100000).decode()
        os.close(terminal)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(drawn, r'\[=* *\] +\d+ %  \d+ documents, \d+/s')


if __name__ == '__main__':
    unittest.main(verbosity=1)
