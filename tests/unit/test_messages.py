"""The messages of the package: one style, and none of the phrases that make a reader guess."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The sandbox speaks with Cliq's words; the starter holds files for users.
CODE = [
    path
    for path in sorted((ROOT / "cliq_async").rglob("*.py"))
    if "sandbox" not in path.parts and path.name != "starter.py"
]

GUESSING = re.compile(
    r"\b(?:what (?:is|are|was|were|has|had|becomes|becoming|removes|it|you)\b(?! new\?)"
    r"|beside|given up on|of (?:its|one's|their|his) own|is its own|is one$"
    r"|(?:has|is|are|takes|shows|sends) (?-i:none)\b"
    r"|tells?\b(?! which)|told|mend|takes? away|taken away|again and again|his\b|someone else"
    r"|lives in|throws?)",
    re.IGNORECASE,
)
"""Say what the thing is; name the operation, the subject and the person."""
QUESTION = re.compile(r"(?<!did you mean x)\?$")
TERMS = {
    "the quota's store": "the quota store",
    "the quota's file": "the quota file",
    "use either": "give either",
    "newer version": "a later version",
    "newer release": "a later version",
    "signed in": "logged in",
    "mandatory": "needed",
    "non-existent": "there is no",
    "is not known": "there is no",
    "doesn't": "does not",
    "can't": "cannot",
    "please": "",
    "invalid": "not valid",
}
"""One word for one thing: left the word to avoid, right the word to take."""
CALLS = {"echo_err", "warning", "info", "error", "fail", "Check", "UsageError", "BadParameter"}
PROPER = re.compile(
    r"(?:[A-Z][A-Z_0-9.]|Cliq|Zoho|Redis|Sentinel|SQLite|Python|Jinja|None|True|False|Ctrl)"
)


def text_of(node):
    """The text of a literal; `x` stands for each value in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
        return "".join(map(str, parts))
    return None


@cache
def strings(path):
    """The strings of a module but docstrings, as (line, text)."""
    tree = ast.parse(path.read_text())
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out.add(node.value)
        if isinstance(node, ast.JoinedStr):
            left_out |= set(ast.walk(node)) - {node}
    nodes = [node for node in ast.walk(tree) if node not in left_out]
    found = [(getattr(node, "lineno", 0), text_of(node)) for node in nodes]
    return [(line, text) for line, text in found if text is not None and " " in text]


@cache
def messages(path):
    """The strings that are raised, logged or printed on stderr, as (line, text)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        call = node.exc if isinstance(node, ast.Raise) else node
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if isinstance(node, ast.Raise) or name in CALLS:
            texts = [(each.lineno, text_of(each)) for each in call.args]
            found += [(line, text) for line, text in texts if text is not None and " " in text]
    return found


def guesses(numbered):
    return [(line, found[0]) for line, text in numbered if (found := GUESSING.search(text))]


def other_words(numbered):
    return [
        (line, term)
        for line, text in numbered
        for term in TERMS
        if term in text and not re.search(rf"\w{term}|{term}\w", text)
    ]


def sentences(numbered):
    return [
        (line, text)
        for line, text in numbered
        if text.endswith((".", "!"))
        or QUESTION.search(text)
        or (text[0].isupper() and not PROPER.match(text))
    ]


def by_file(rule, find):
    """What a rule finds in the strings of each file, by the names of the files."""
    return {str(path.relative_to(ROOT)): found for path in CODE if (found := rule(find(path)))}


def test_a_message_does_not_make_its_reader_guess():
    def prose(path):
        return [(line, text) for line, text in strings(path) if not text.isupper()]

    assert by_file(guesses, prose) == {}


def test_a_message_has_the_one_word_for_a_thing():
    assert by_file(other_words, messages) == {}


def test_a_message_is_a_clause_without_capital_and_period():
    assert by_file(sentences, messages) == {}


def test_the_rules_find_what_they_are_about():
    assert sum(len(messages(path)) for path in CODE) > 350
    assert sum(len(strings(path)) for path in CODE) > 1_000
    for text in (
        "check what is missing",
        "it has none",
        "a client of its own",
        "Cliq does not tell the id",
        "the file was taken away",
    ):
        assert guesses([(1, text)])
    assert not guesses([(1, "a store cannot be read: give another one")])
