#!/usr/bin/env python3
"""Proves that every rule of tidy_test.py can fail, and that none of them fails on a small clean tree."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cpp_text  # noqa: E402
import tidy_test  # noqa: E402

HEADER = "// A thing.\n#pragma once\n"

CLEAN = {
    "streamcore/chunk/README.md": "# chunk\n",
    "streamcore/chunk/CMakeLists.txt": "thalweg_library(chunk SOURCES chunk.cc)\n",
    "streamcore/chunk/chunk.h": HEADER + '#include "streamcore/base/result.h"\nclass Chunk {\n public:\n  explicit Chunk(int a);\n};\n',
    "streamcore/chunk/chunk.cc": '#include "streamcore/chunk/chunk.h"\n// time (of day) and rand() in a comment are fine\n'
                                 "Chunk::Chunk(int a) : a_{a}, b_(sum(a, {1, 2})) {\n  log(\"sleep(1) in a text\");\n  std::partition(a, b, f);\n}\n",
    "tests/streamcore/chunk/CMakeLists.txt": "thalweg_test(chunk_tests SOURCES chunk_test.cc)\n",
    "tests/streamcore/chunk/chunk_test.cc": "TEST(Chunk, KeepsItsOrder) {}\n",
}

LONG_FUNCTION = "int f() {\n" + "  g();\n" * 80 + "}\n"

# rule, file that breaks it, its text
BROKEN = [
    ("arrow", "streamcore/chunk/a.h", HEADER + '#include "streamcore/channel/channel.h"\n'),
    ("arrow", "streamcore/base/a.h", HEADER + '#include "streamcore/types.h"\n'),
    ("arrow", "streamcore/stream/a.h", HEADER + '#include "kafka_protocol/wire/codec.h"\n'),
    ("arrow", "streamcore/object_store/a.h", HEADER + '#include "streamcore/metadata/metadata_store.h"\n'),
    ("arrow", "kafka_protocol/wire/a.h", HEADER + '#include "kafka_protocol/records/record_batch.h"\n'),
    ("arrow", "kafka_protocol/records/a.h", HEADER + '#include "streamcore/types.h"\n'),
    ("arrow", "kafka_protocol/handlers/a.h", HEADER + '#include "streamcore/channel/channel.h"\n'),
    ("arrow", "kafka_protocol/topics/a.h", HEADER + '#include "kafka_protocol/handlers/fetch.h"\n'),
    ("arrow", "compaction/a.h", HEADER + '#include "kafka_protocol/topics/topic.h"\n'),
    ("arrow", "integration/a.cc", '#include "kafka_protocol/wire/codec.h"\n'),
    ("word", "streamcore/chunk/a.h", HEADER + "struct TopicName {};\n"),
    ("word", "streamcore/chunk/a.h", HEADER + "// The producer waits.\n"),
    ("word", "streamcore/chunk/a.h", HEADER + "int broker_count;\n"),
    ("function-lines", "streamcore/chunk/a.cc", LONG_FUNCTION),
    ("function-lines", "streamcore/chunk/a.cc", "namespace a {\nclass B {\n" + LONG_FUNCTION + "};\n}\n"),
    ("function-lines", "streamcore/chunk/a.cc", "A::A(int x)\n  : a_{x}, b_(x) {\n" + "  g();\n" * 80 + "}\n"),
    ("file-lines", "streamcore/chunk/a.cc", "int a;\n" * 601),
    ("line-columns", "streamcore/chunk/a.cc", "// " + "a" * 98 + "\n"),
    ("constructor-parameters", "streamcore/chunk/a.h", HEADER + "class A {\n public:\n  A(int a, int b, int c, int d, int e, int f, int g);\n};\n"),
    ("header-form", "streamcore/chunk/a.h", "#pragma once\n"),
    ("header-form", "streamcore/chunk/a.h", "// A thing.\n"),
    ("readme", "streamcore/segment/a.cc", "int a;\n"),
    ("cmake", "streamcore/chunk/forgotten.cc", "int a;\n"),
    ("test-name", "tests/streamcore/chunk/a_test.cc", "TEST(Chunk, Works) {}\n"),
    ("test-name", "tests/streamcore/chunk/a_test.cc", "TEST_F(Chunk, test_it) {}\n"),
    ("empty-name", "streamcore/chunk/a.h", HEADER + "class ChunkManager {};\n"),
    ("empty-name", "streamcore/util/a.h", HEADER),
    ("leftover", "streamcore/chunk/a.h", HEADER + "// TO" + "DO: later\n"),
]

# ban, file, text
BANNED = [
    ("wall clock", "streamcore/chunk/a.cc", "auto t = std::chrono::steady_clock::now();\n"),
    ("wall clock", "kafka_protocol/topics/a.cc", "auto t = time(nullptr);\n"),
    ("randomness", "streamcore/chunk/a.cc", "std::random_device d;\n"),
    ("randomness", "streamcore/chunk/a.cc", "int x = rand();\n"),
    ("sleep", "tests/streamcore/chunk/a_test.cc", "std::this_thread::sleep_for(1ms);\n"),
    ("threads", "streamcore/channel/a.h", HEADER + "std::mutex m_;\n"),
    ("environment", "kafka_protocol/server/listener.cc", 'getenv("HOME");\n'),
    ("standard output", "streamcore/chunk/a.cc", "std::cout << 1;\n"),
    ("standard output", "streamcore/chunk/a.cc", 'printf("x");\n'),
    ("Asio outside the server", "kafka_protocol/handlers/a.cc", "#include <boost/asio/io_context.hpp>\n"),
    ("formatting library", "kafka_protocol/handlers/a.cc", "#include <fmt/format.h>\n"),
    ("detached coroutine", "kafka_protocol/server/a.cc", "co_spawn(x, f(), asio::detached);\n"),
    ("std::regex", "kafka_protocol/topics/a.cc", "std::regex r;\n"),
    ("using namespace std", "bench/micro/a.cc", "using namespace std;\n"),
]


class Rules(unittest.TestCase):
    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual([str(f) for f in tidy_test.findings(CLEAN)], [])

    def test_every_rule_can_fail(self):
        for rule, path, text in BROKEN:
            with self.subTest(rule=rule, path=path):
                found = [f for f in tidy_test.findings({**CLEAN, path: text}) if f.rule == rule]
                self.assertEqual(len(found), 1, [str(f) for f in found])
                self.assertIn(os.path.dirname(path), found[0].path)

    def test_every_ban_can_fail_and_names_its_replacement(self):
        for ban, path, text in BANNED:
            with self.subTest(ban=ban, text=text):
                found = [f for f in tidy_test.findings({**CLEAN, path: text}) if f.message.startswith(ban + ":")]
                self.assertGreaterEqual(len(found), 1)
                self.assertIn("instead:", found[0].message)

    def test_no_rule_or_ban_is_without_a_proof(self):
        self.assertEqual({row[0] for row in BROKEN} | {"ban"}, set(tidy_test.RULES))
        self.assertEqual({row[0] for row in BANNED}, {row[0] for row in tidy_test.BANS})


class CppText(unittest.TestCase):
    def test_a_function_is_measured_over_its_signature_and_body(self):
        text = "namespace a {\nint f(\n    int x) const noexcept {\n  if (x) {\n  }\n}\nint y = 1;\n}\n"
        self.assertEqual([(f[0], f[1]) for f in cpp_text.functions(text)], [(2, 5)])

    def test_comments_and_literals_do_not_open_braces(self):
        text = 'int f() {\n  // {\n  g("{", \'{\', R"x({)x", 1\'000);\n}\nint h() {\n}\n'
        self.assertEqual([f[1] for f in cpp_text.functions(text)], [4, 2])

    def test_template_arguments_do_not_count_as_parameters(self):
        text = "class A {\n  A(std::map<int, int> a, std::function<void(int, int)> b = {});\n};\n"
        self.assertEqual([c[2] for c in cpp_text.constructors(text)], [2])


if __name__ == "__main__":
    unittest.main()
