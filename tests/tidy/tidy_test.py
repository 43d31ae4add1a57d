#!/usr/bin/env python3
"""Style is a test. Reads every file of the tree and fails with file, line and what to do instead.

    tidy_test.py [ROOT]      rules_test.py proves that each rule below can fail.

To change a rule, change its row here. Paths are matched from the root of the tree with re.match.
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cpp_text  # noqa: E402

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
LINE_COLUMNS_MAX = 100
CONSTRUCTOR_PARAMETERS_MAX = 6

CPP = r".*\.(h|cc)$"
PRODUCT = r"(streamcore|kafka_protocol|compaction)/.*\.(h|cc)$"
STREAMCORE = r"streamcore/.*\.(h|cc)$"

# Who may include what: the first row whose pattern matches a file decides. A file may always include its own folder.
ROOT_HEADERS = r"streamcore/[a-z_]+\.h"
PUBLIC = [r"streamcore/base/", ROOT_HEADERS, r"streamcore/object_store/", r"streamcore/metadata/"]
ARROWS = [
    (r"streamcore/base/", []),
    (r"streamcore/object_store/", [r"streamcore/base/", r"streamcore/types\.h"]),
    (r"streamcore/metadata/", [r"streamcore/base/", ROOT_HEADERS, r"streamcore/object_store/"]),
    (r"streamcore/(chunk|segment)/", [r"streamcore/base/", ROOT_HEADERS, r"streamcore/object_store/"]),
    (r"streamcore/channel/", PUBLIC + [r"streamcore/(chunk|segment)/"]),
    (r"streamcore/stream/", PUBLIC + [r"streamcore/(chunk|segment|channel)/"]),
    (r"streamcore/[a-z_]+\.(h|cc)$", PUBLIC),
    (r"compaction/", PUBLIC + [r"streamcore/segment/", r"kafka_protocol/records/"]),
    (r"kafka_protocol/wire/", [r"streamcore/base/"]),
    (r"kafka_protocol/records/", [r"streamcore/base/"]),
    (r"kafka_protocol/security/", PUBLIC + [r"kafka_protocol/(wire|records)/"]),
    (r"kafka_protocol/topics/", PUBLIC + [r"kafka_protocol/(wire|records)/"]),
    (r"kafka_protocol/coordinator/", PUBLIC + [r"kafka_protocol/(wire|records|topics)/"]),
    (r"kafka_protocol/admin/", PUBLIC + [r"kafka_protocol/(wire|records|topics|coordinator|security)/"]),
    # What the connections ask of a handler is the server's interface; the server knows no handler.
    (r"kafka_protocol/handlers/", PUBLIC + [r"kafka_protocol/(wire|records|topics|coordinator|security)/",
                                            r"kafka_protocol/server/request_handler\.h"]),
    (r"kafka_protocol/server/", [r"streamcore/base/", r"kafka_protocol/wire/"]),
    (r"kafka_protocol/storage/", [r"streamcore/", r"kafka_protocol/(server|topics)/"]),
    (r"kafka_protocol/[a-z_]+\.(h|cc)$", PUBLIC + [r"compaction/", r"kafka_protocol/"]),
    (r"integration/", []),
    (r"bench/(load|s3)/", []),
]

# name, where it applies, where it is allowed after all, pattern, what to use instead.
BANS = [
    ("wall clock", r"(streamcore|kafka_protocol|compaction|tests)/.*\.(h|cc)$",
     r"streamcore/base/clock_random\.cc|kafka_protocol/(server|main)",
     r"\b(system_clock|steady_clock|high_resolution_clock)\s*::\s*now\b|(?<![\w:.>])time\s*\(|\bgettimeofday\b|\bclock_gettime\b",
     "take a base::Clock (wall time) or ask the base::Executor (now) given to the constructor"),
    ("randomness", r"(streamcore|kafka_protocol|compaction|tests)/.*\.(h|cc)$",
     r"streamcore/base/clock_random\.cc",
     r"(?<![\w:.>])s?rand\s*\(|\brandom_device\b|\bmt19937(_64)?\b|\bgetrandom\b|\bdrand48\b",
     "take the base::Random given to the constructor; base::SeededRandom in tests"),
    ("sleep", r"(streamcore|kafka_protocol|compaction|tests)/.*\.(h|cc)$", r"$^",
     r"\bthis_thread::sleep_\w+|\b(usleep|nanosleep)\b|(?<![\w:.>])sleep\s*\(",
     "await a timer of the base::Executor; a test advances virtual time"),
    ("threads", r"(streamcore|kafka_protocol|compaction|tests)/.*\.(h|cc)$",
     r"(tests/)?(streamcore/base|kafka_protocol/server)/|kafka_protocol/main\.cc",
     r"\bstd::(thread|jthread|mutex|recursive_mutex|shared_mutex|condition_variable(_any)?|async|lock_guard|unique_lock|scoped_lock)\b",
     "one core owns the object; cross cores through the mailbox in streamcore/base, block in its file system threads"),
    ("environment", PRODUCT, r".*config[^/]*$", r"\b(secure_)?getenv\b",
     "read it in the configuration and pass the value down"),
    ("standard output", PRODUCT, r"kafka_protocol/main\.cc|.*cli[^/]*$|streamcore/base/(check|log)\.cc",
     r"\bstd::(cout|cerr|clog)\b|(?<![\w])(f?printf|puts|putchar)\s*\(|\bfmt::print\b",
     "base::log, or print in main.cc or a cli file"),
    ("Asio outside the server", PRODUCT, r"kafka_protocol/(server/|admin/|main\.cc)", r"#\s*include\s*<boost/(asio|beast)|\b(boost::)?asio::",
     "write it over base::Executor and base::Task"),
    ("formatting library", PRODUCT, r"streamcore/base/log\.(h|cc)", r"#\s*include\s*<(spdlog|fmt)/",
     "base::log and the text functions of streamcore/base"),
    ("detached coroutine", PRODUCT, r"$^", r"\b(asio::)?detached\b", "spawn into a base::TaskGroup that stop() joins"),
    ("std::regex", PRODUCT, r"$^", r"\bstd::(basic_)?regex\b", "it is slow and recursive: parse by hand or use RE2's syntax in the one place for it"),
    ("using namespace std", CPP, r"$^", r"\busing\s+namespace\s+std\s*;", "name what you use"),
]

STREAMCORE_WORDS = {"kafka", "topic", "topics", "partition", "partitions", "consumer", "consumers",
                    "producer", "producers", "broker", "brokers"}
STREAMCORE_WORDS_INSTEAD = "the engine's words are: stream, entry, channel, owner, annotation"
# Not words of the project: std::partition and its kin, and the path of a folder.
FOREIGN_WORDS = re.compile(r"\bkafka_protocol/[\w/.]*|\b(?:std|ranges)::(?:ranges::)?(?:is_|stable_)?partition(?:ed|_point|_copy)?\b")

EMPTY_NAMES = re.compile(r"\b(?:class|struct)\s+([A-Z]\w*?(?:Manager|Utils?|Helpers?|Impl|Data))\b(?=[^;]*[{:])")
EMPTY_FOLDERS = re.compile(r"(^|/)(common|util|utils|helpers|misc)/")
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
README_FOLDERS = re.compile(r"(streamcore|kafka_protocol|compaction|bench|docker)(/.*)?$|(tests|tests/sim|tests/fuzz|tests/model|integration)$")


class Finding:
    def __init__(self, rule, path, line, message):
        self.rule, self.path, self.line, self.message = rule, path, line, message

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


def matching(tree, pattern):
    return ((path, text) for path, text in tree.items() if re.match(pattern, path))


def check_arrows(tree):
    for path, text in matching(tree, CPP):
        allowed = next((targets for room, targets in ARROWS if re.match(room, path)), None)
        if allowed is None:
            continue
        own = re.escape("/".join(os.path.dirname(path).split("/")[:2])) + "/"
        for line, header in cpp_text.includes(text):
            in_project = re.match(r"(streamcore|kafka_protocol|compaction|tests)/", header)
            if in_project and not any(re.match(target, header) for target in allowed + [own]):
                yield path, line, f'may not include "{header}": see ARROWS in tests/tidy/tidy_test.py'


def check_bans(tree):
    for name, where, unless, pattern, instead in BANS:
        for path, text in matching(tree, where):
            if re.match(unless, path):
                continue
            code = cpp_text.without_comments(text)
            for match in re.finditer(pattern, code):
                line = code.count("\n", 0, match.start()) + 1
                yield path, line, f"{name}: `{match.group(0).strip()}`; instead: {instead}"


def check_words(tree):
    for path, text in matching(tree, STREAMCORE):
        for line, word in cpp_text.words(FOREIGN_WORDS.sub("", cpp_text.without_literals(text))):
            if word in STREAMCORE_WORDS:
                yield path, line, f"`{word}` is not a word of streamcore; {STREAMCORE_WORDS_INSTEAD}"


def check_function_lines(tree):
    for path, text in matching(tree, CPP):
        for line, count, header in cpp_text.functions(text):
            if count > FUNCTION_LINES_MAX:
                yield path, line, f"{count} lines > {FUNCTION_LINES_MAX}: {header[:60]}"


def check_file_lines(tree):
    for path, text in matching(tree, r".*\.(h|cc|py)$"):
        count = text.count("\n")
        if count > FILE_LINES_MAX:
            yield path, 1, f"{count} lines > {FILE_LINES_MAX}: is there a second noun inside?"


def check_line_columns(tree):
    for path, text in matching(tree, CPP):
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > LINE_COLUMNS_MAX and "://" not in line:
                yield path, number, f"{len(line)} columns > {LINE_COLUMNS_MAX}: ./dev format"


def check_constructor_parameters(tree):
    for path, text in matching(tree, CPP):
        for line, name, count in cpp_text.constructors(text):
            if count > CONSTRUCTOR_PARAMETERS_MAX:
                yield path, line, f"{name} takes {count} > {CONSTRUCTOR_PARAMETERS_MAX}: an options struct"


def check_header_form(tree):
    for path, text in matching(tree, r".*\.h$"):
        if not text.startswith("//"):
            yield path, 1, "a header starts with a comment: what it is, who owns it, invariants"
        if "#pragma once" not in text:
            yield path, 1, "#pragma once is missing"


def check_readmes(tree):
    folders = {os.path.dirname(path) for path in tree if re.match(CPP, path) or path.endswith(".py")}
    for folder in sorted(folders):
        if README_FOLDERS.match(folder) and f"{folder}/README.md" not in tree:
            yield folder + "/README.md", 1, "every folder says what it is, its parts, what was rejected and why"


def check_cmake(tree):
    # The client programs of integration/ are built by kit/fetch_clients.py, each against its own library.
    for path, _ in matching(tree, r"(?!integration/clients/).*\.cc$"):
        folder, named = os.path.dirname(path), False
        while folder and not named:
            name = re.escape(os.path.relpath(path, folder))
            lists = tree.get(f"{folder}/CMakeLists.txt", "")
            named = re.search(rf"(?<![\w/.-]){name}(?![\w/.-])", lists) is not None
            folder = os.path.dirname(folder)
        if not named:
            yield path, 1, "no CMakeLists.txt above names this source"


def check_test_names(tree):
    declared = re.compile(r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
    for path, text in matching(tree, r"tests/.*\.cc$"):
        for match in declared.finditer(cpp_text.without_comments(text)):
            line = text.count("\n", 0, match.start(1)) + 1
            suite, name = match.groups()
            if len(re.findall(r"[A-Z][a-z0-9]+", name)) < 2 or "_" in suite + name:
                yield path, line, f"{suite}.{name}: a test name states a fact, as in StopsAtFirstTornChunk"


def check_empty_names(tree):
    for path, text in matching(tree, CPP):
        if EMPTY_FOLDERS.search(path):
            yield path, 1, "no common/ or util/ folder: put it where it is used"
        code = cpp_text.without_comments(text)
        for match in EMPTY_NAMES.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            yield path, line, f"{match.group(1)}: name the thing, not its role"


def check_leftovers(tree):
    for path, text in matching(tree, r"(?!tests/tidy/).*\.(h|cc|py|md|txt|sh)$|dev$|\.ci/run$"):
        for match in LEFTOVERS.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield path, line, f"{match.group(1)}: do it, or write down in the README that it is not there"


RULES = {
    "arrow": check_arrows,
    "ban": check_bans,
    "word": check_words,
    "function-lines": check_function_lines,
    "file-lines": check_file_lines,
    "line-columns": check_line_columns,
    "constructor-parameters": check_constructor_parameters,
    "header-form": check_header_form,
    "readme": check_readmes,
    "cmake": check_cmake,
    "test-name": check_test_names,
    "empty-name": check_empty_names,
    "leftover": check_leftovers,
}


def findings(tree):
    return [Finding(name, *found) for name, check in RULES.items() for found in check(tree)]


def read_tree(root):
    """Every text file below root except what is built or fetched: {path: text}."""
    tree = {}
    for folder, names, files in os.walk(root):
        names[:] = [n for n in names if n not in ("build", "data", ".git", "__pycache__", "node_modules", "target")]
        for file in files:
            path = os.path.join(folder, file)
            if not os.path.islink(path) and os.path.getsize(path) < 4 << 20:
                with open(path, encoding="utf-8", errors="replace") as stream:
                    tree[os.path.relpath(path, root)] = stream.read()
    return tree


def main():
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    root = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else default)
    tree = read_tree(root)
    if not any(re.match(PRODUCT, path) for path in tree):
        sys.exit(f"{root} is not the tree of this project")
    found = findings(tree)
    for finding in found:
        print(finding)
    print(f"{len(tree)} files, {len(RULES)} rules, {len(BANS)} bans: {len(found)} findings")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
