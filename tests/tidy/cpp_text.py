"""A small reader of C++ text: enough to find functions, constructors, words and calls without a compiler.

It blanks comments and literals while keeping every line where it was, and follows braces. It is a heuristic: where
it cannot tell, it says nothing, so that a rule built on it misses a case rather than inventing one.
"""

import re

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """The code with comments and the insides of literals blanked; lines and columns are kept."""

    def replace(match):
        token = match.group(0)
        if token.startswith("/"):
            return _blank(token)
        return token[0] + _blank(token[1:-1]) + token[-1]

    return _TOKEN.sub(replace, text)


def without_literals(text):
    """Comments stay, literals are blanked: what a reader sees as words of the project."""
    return _TOKEN.sub(lambda m: m.group(0) if m.group(0).startswith("/") else _blank(m.group(0)), text)


def includes(text):
    """(line number, header) of each #include "..."."""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match:
            yield number, match.group(1)


def words(text):
    """(line number, lower-case word) for the parts of every identifier: FooBar_baz gives foo, bar, baz."""
    for number, line in enumerate(text.split("\n"), 1):
        for name in re.findall(r"[A-Za-z][A-Za-z0-9_]*", line):
            for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name):
                yield number, part.lower()


_SCOPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:inline\s+|export\s+)*(namespace|class|struct|union|enum|extern)\b")
_FUNCTION_END = re.compile(r"\)\s*(?:const|noexcept(?:\s*\([^)]*\))?|override|final|mutable|&&?|->[^;{}]*|requires[^;{}]*|\s)*$")
_CONTROL = re.compile(r"^(?:if|for|while|switch|do|else|try|catch|return)\b")


def _header_kind(header):
    header = re.sub(r"^(?:\s*(?:public|private|protected)\s*:)+", "", header).strip()
    header = re.sub(r"^(?:\s*#[^\n]*\n)+", "", header).strip()
    scope = _SCOPE.match(header)
    if scope:
        name = re.search(r"\b(?:class|struct|union)\s+(?:alignas\([^)]*\)\s*)?(?:\[\[[^\]]*\]\]\s*)?([A-Za-z_]\w*)", header)
        return "scope", name.group(1) if name else ""
    if "(" in header and not _CONTROL.match(header):
        if _FUNCTION_END.search(header):
            return "function", ""
        if re.search(r"\)\s*(?:noexcept\s*)?:[^:]", header):
            # A constructor's initialiser list: `a_{` opens a member, `a_(x) {` was matched above.
            return "initialiser", ""
    return "other", ""


def _statements(code):
    """Yields (kind, name, header, first line, last line) for each scope and outermost function, and
    ("declaration", class, text, line, line) for each statement that stands directly in a class."""
    stack, start, line, first = [], 0, 1, 1
    inside = lambda kinds: any(frame[0] in kinds for frame in stack)
    for at, char in enumerate(code):
        if char == "\n":
            line += 1
        if char not in "{};" and not code[start:at].strip():
            start, first = at, line
        if char == "{":
            if inside(("function", "other", "initialiser")):
                stack.append(("inner", "", "", first, start))
                continue
            kind, name = _header_kind(code[start:at])
            stack.append((kind, name, code[start:at], first, start))
            if kind in ("scope", "function"):
                start, first = at + 1, line
        elif char == "}" and stack:
            kind, name, header, opened, began = stack.pop()
            if kind == "inner":
                continue
            if kind in ("initialiser", "other"):  # braces inside a statement that goes on
                start, first = began, opened
                continue
            owner = stack[-1][1] if stack and stack[-1][0] == "scope" else ""
            yield kind, owner, header, opened, line
            start, first = at + 1, line
        elif char == ";" and not inside(("function", "other", "initialiser")):
            owner = stack[-1][1] if stack and stack[-1][0] == "scope" else ""
            yield "declaration", owner, code[start:at], first, line
            start, first = at + 1, line


def functions(text):
    """(first line, line count, header) of each outermost function body."""
    code = _without_preprocessor(without_comments(text))
    for kind, _, header, first, last in _statements(code):
        if kind == "function":
            yield first, last - first + 1, " ".join(header.split())


def _without_preprocessor(code):
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: _blank(m.group(0)), code, flags=re.MULTILINE)


def _split_parameters(text):
    depth, count, seen = 0, 0, False
    for char in text:
        if char in "(<{[":
            depth += 1
        elif char in ")>}]":
            depth -= 1
        elif char == "," and depth == 0:
            count += 1
        seen = seen or not char.isspace()
    return count + 1 if seen else 0


def constructors(text):
    """(line, class, parameter count) of each constructor declared or defined in its class."""
    code = _without_preprocessor(without_comments(text))
    for kind, owner, header, first, _ in _statements(code):
        if not owner or kind == "scope":
            continue
        header = re.sub(r"(?:public|private|protected)\s*:", "", header).strip()
        match = re.match(r"(?:explicit\s+|constexpr\s+|inline\s+)*" + re.escape(owner) + r"\s*\(", header)
        if not match:
            continue
        depth, end = 1, match.end()
        while end < len(header) and depth:
            depth += {"(": 1, ")": -1}.get(header[end], 0)
            end += 1
        yield first, owner, _split_parameters(header[match.end() : end - 1])
