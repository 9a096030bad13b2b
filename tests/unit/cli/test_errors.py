"""The words of the command line for errors of the package."""

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cliq_async.cli.errors import cli_field_names, describe, describe_limit, in_cli_words
from cliq_async.errors import (
    NOTHING,
    CliqError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    Unquoted,
    ValidationError,
)

PACKAGE = Path(__file__).parents[3] / "cliq_async"
PYTHON = re.compile(
    r"\bstr\b|\bint\b|\bNone\b|\bTrue\b|\bFalse\b|\bdict\b|\bmapping\b|\w=True|\w_s\b"
)
OF_PROGRAMS = {
    "a mapping from columns to values",  # rows and models are built by programs alone
    "a mapping from key to Button",
    "a mapping from str to JSON values, at most {_MAX_BYTES:,} bytes of JSON",
    "a pair of str",
    "False without a journal",  # the command checks it first
    "str, int, bool or None, by name",
}


@pytest.mark.parametrize(
    ("limit", "given", "said"),
    [
        ("a str of 1 to 20 characters", 21, "1 to 20 characters, got 21"),
        ("a str", 5, "a text, got 5"),
        ("a non-empty str, without /", "a/b", "a non-empty text, without /, got 'a/b'"),
        ("an int from 1 to 3", 4, "a whole number from 1 to 3, got 4"),
        ("True, False or None", True, "true or false, got true"),
        ("more than 0, or None", 0, "more than 0, got 0"),
        ("None unless the type is x", "a", "left out unless the type is x, got 'a'"),
        ("a URL when the type is webhook", None, "a URL when the type is webhook; it is not given"),
        (
            "no such field; allow_unknown=True sends it",
            NOTHING,
            "no such field; --allow-unknown sends it",
        ),
        ("a table", Unquoted("{'a': 1}"), "a table, got an object"),
        ("a table", Unquoted("['a', 1]"), "a table, got a list"),
        ("a list", Unquoted("Button(label='a')"), "a list, got another value"),
        ("at least one", Unquoted("none"), "at least one, got none"),
    ],
)
def test_a_limit_has_no_words_of_python(limit, given, said):
    error = ValidationError("field", limit, given)
    assert describe_limit(error) == said
    assert describe(error) == f"field: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("set data_center= or CLIQ_DATA_CENTER (us)", "set --data-center or CLIQ_DATA_CENTER (us)"),
        ("name one with quota= or CLIQ_QUOTA", "name one with --quota or CLIQ_QUOTA"),
        (
            "raise max_response_bytes if it may be",
            "raise max_response_bytes of cliq.toml if it may be",
        ),
        (
            "list_bots: cannot connect to 127.0.0.1:8080: connection refused",
            "list_bots: nothing listens at 127.0.0.1:8080; is `cliq sandbox` running?",
        ),
        ("cannot connect to x.y:443: connection refused",) * 2,
        ("check base_url, and proxies", "check --base-url or CLIQ_BASE_URL, and proxies"),
    ],
)
def test_options_of_the_client_are_those_of_the_command(text, said):
    assert in_cli_words(text) == said
    assert describe(CliqError(text)) == said


def test_a_time_is_local_and_says_how_long_it_takes():
    at = datetime.now(UTC) + timedelta(seconds=90)
    shown = (
        rf"\d\d:\d\d(:\d\d)? \(in {2 if False else '(1|2)'} min\); a longer --max-wait waits for it"
    )
    for error in (
        QuotaWaitError("get_bot", at),
        ThrottledError(429, None, "Too many.", "get_bot", at),
    ):
        assert re.search(shown, describe(error))
        assert " UTC" in str(error)
        assert " UTC" not in describe(error)


def test_a_write_that_failed_at_the_server_may_have_happened():
    error = ServerError(500, None, "Oops.", "create_bot")
    assert (
        describe(error) == "create_bot: Oops (HTTP 500, no code); it may or may not have happened"
    )


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("NewBot.team_ids[1]", "--team 2: team"),
        ("team_ids", "--team: team"),
        ("parameters['a']", "parameter a: team"),
        ("row 3 (and 2 more): team_ids", "row 3 (and 2 more): --team: team"),
        ("other.team_ids", "other.team_ids: team"),
    ],
)
def test_fields_are_options_and_items_count_from_one(field, name):
    names = {"team_ids": "--team", "parameters": "parameter"}
    with pytest.raises(ValidationError) as caught, cli_field_names(**names):
        raise ValidationError(field, "team", NOTHING)
    assert str(caught.value) == name


def test_fields_in_a_limit_are_options_too():
    names = {"x": "--x", "execution_type": "--execution-type"}
    with pytest.raises(ValidationError) as caught, cli_field_names(**names):
        raise ValidationError("NewBot.x", "needed, since execution_type is webhook", NOTHING)
    assert str(caught.value) == "--x: needed, since --execution-type is webhook"


def limits():
    """Yield the literals of limits in the package: the second argument of a ValidationError."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name in {"webhooks", "sandbox"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and len(node.args) >= 2):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in {"ValidationError", "instance", "matches", "_number"}:
                limit = node.args[1]
                if isinstance(limit, ast.Constant) and isinstance(limit.value, str):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", limit.value


def test_limits_of_the_package_have_words_of_the_command_line():
    found = dict(limits())
    assert len(found) > 60
    left = {
        place: in_cli_words(limit)
        for place, limit in found.items()
        if PYTHON.search(in_cli_words(limit)) and limit not in OF_PROGRAMS
    }
    assert left == {}
