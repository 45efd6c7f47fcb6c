"""C++ text without what is no code, and the functions in it. A heuristic, not a parser."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""//[^\n]*                             # line comment
      | /\*.*?\*/                            # block comment
      | R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"   # raw string
      | "(?:\\.|[^"\\\n])*"                  # string
      | (?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+' # character, not a digit separator
    """,
    re.VERBOSE | re.DOTALL,
)


def blank(text, keep_strings=False):
    """The text with comments, strings and characters blanked; lines stay where they are."""

    def replace(match):
        token = match.group()
        if token.startswith("/") or not keep_strings:
            return re.sub(r"[^\n]", " ", token)
        return token

    return _TOKEN.sub(replace, text)


@dataclass
class Function:
    line: int  # of the first line of its signature
    lines: int


_CONTAINER = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b[^()]*$")
_PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def functions(text):
    """Every function with a body, from the first line of its signature to its closing brace."""
    code = blank(text)
    code = _PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), code)
    found = []
    containers = []  # for each open brace outside functions: whether it holds declarations
    begin = 0  # where the present declaration begins
    at = 0
    while at < len(code):
        char = code[at]
        if char == ";" and (not containers or containers[-1]):
            begin = at + 1
        elif char == "}":
            if containers:
                containers.pop()
            begin = at + 1
        elif char == "{":
            header = code[begin:at]
            declared = re.sub(r"\balignas\s*\([^()]*\)", " ", header)
            if _CONTAINER.search(declared) and "=" not in declared:
                containers.append(True)
                begin = at + 1
            else:
                end = _closing_brace(code, at)
                if _is_function(header) and not _continues(code, end):
                    start = begin + len(header) - len(header.lstrip())
                    first = code.count("\n", 0, start) + 1
                    last = code.count("\n", 0, end) + 1
                    found.append(Function(first, last - first + 1))
                    begin = end + 1
                at = end
        at += 1
    return found


def _closing_brace(code, opening):
    depth = 0
    for at in range(opening, len(code)):
        if code[at] == "{":
            depth += 1
        elif code[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    return len(code) - 1


def _is_function(header):
    """Parentheses, and no assignment outside them: not a variable with a braced value."""
    depth = 0
    seen = False
    plain = re.sub(r"operator\s*\S+?\s*\(", "operator_(", header)
    for char in plain:
        if char in "([":
            depth += 1
            seen = seen or char == "("
        elif char in ")]":
            depth -= 1
        elif char == "=" and depth == 0:
            return False
    return seen and depth == 0


def _continues(code, end):
    """True if the brace that closes at `end` was a member's initializer, `: a_{1}, b_{2} {`."""
    rest = code[end + 1 :].lstrip()
    return rest.startswith((",", "{"))
