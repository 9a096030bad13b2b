"""The English of code, messages and documentation: the field's words, American spelling."""

import ast
import io
import re
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = sorted((ROOT / "cliq_async").rglob("*.py"))
PROSE = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]

# Name the person or the thing; say what happened to it; write "not a valid X" for "no X".
PHRASES = re.compile(
    r"\b(?:some ?body|nobody|whoever|whomever|those who|those whose|anew|meanwhile"
    r"|lets? go of|letting go of|under way|(?-i:is none|are none|was none)"
    r"|but for|at the (?:most|least)"
    r"|(?<!there )(?:is|are) no (?!longer|more|way|need|reason|room|one\b)\w+"
    r"|ever less|imported in need|takes? note of|to oneself)\b",
    re.IGNORECASE,
)
BRITISH = re.compile(
    r"\b\w*(?:authoris|organis|penalis|recognis|normalis|serialis|initialis|summaris|optimis"
    r"|behaviour|colour|favour|honour|neighbour|licence|data centre"
    r"|analys(?!is|es\b|t)|artefact|judgement|programme\b)\w*",
    re.IGNORECASE,
)
CLAUSE = re.compile(r"(?:What|Who|Whom|Whose|Which|Where|Whether|How|When|Why|That)\b")
IDENTIFIERS = re.compile(r"`[^`\n]*`")


def texts(path):
    """Yield the comments and strings of a module, each with its line."""
    source = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], token.string


def name_of(path):
    return str(path.relative_to(ROOT))


def faults(numbered):
    found = []
    for line, text in numbered:
        plain = IDENTIFIERS.sub("", text)
        for pattern in (PHRASES, BRITISH):
            found += [f"line {line}: {match[0]}" for match in pattern.finditer(plain)]
    return found


def by_file(paths, rule):
    """What a rule finds, by the names of the files."""
    return {name_of(path): found for path in paths if (found := rule(path))}


def clauses(path):
    """The docstrings that open with a clause, each with the name of what it is about."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    first = [
        (getattr(node, "name", "module"), (ast.get_docstring(node) or "").partition("\n")[0])
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds)
    ]
    return [each for each in first if CLAUSE.match(each[1])]


def test_code_and_messages_use_plain_words():
    assert by_file(CODE, lambda path: faults(texts(path))) == {}


def test_pages_use_plain_words():
    assert by_file(PROSE, lambda path: faults(enumerate(path.read_text().splitlines(), 1))) == {}


def test_docstrings_open_with_what_a_thing_is_or_does():
    assert by_file(CODE, clauses) == {}


def test_the_rules_find_what_they_are_about():
    assert faults([(1, "nobody knows; it is no file"), (2, "the organisation")])
    assert CLAUSE.match("What becomes of a request.")
    assert not faults([(1, "It is no longer open, and `nobody` is a name.")])
