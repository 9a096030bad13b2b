"""Tables on terminals of any width, and on other streams."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from cliq_async.cli.outputs import console as output
from cliq_async.cli.outputs.bot_tables import print_bot, print_bots
from cliq_async.cli.outputs.function_tables import print_functions
from cliq_async.cli.outputs.tables import TableLayout, text_width, wrap
from cliq_async.endpoints import ENDPOINTS
from cliq_async.models.bot import Bot
from cliq_async.models.deserialization import structure
from cliq_async.models.function import Function

LIVE_ID = "b-1901318000009075007"
NAMES = (
    "Support Bot",
    "W" * 20,
    "客户服务机器人客户服务机器人客户服务",
    "🚀" * 20,
    "مساعد الدعم الفني",
    "e\u0301" * 20,
    "❤️👍🏽 Ops",
)
TEXT = "Tells what is on fire, and calls whoever is on duty. " * 4


def rendered(width, *tables, patch=None, show=None):
    """The lines that a terminal of a width shows."""
    written = io.StringIO()
    console = Console(
        file=written,
        width=width,
        force_terminal=True,
        color_system=None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    if patch is not None and show is not None:
        patch.setattr(output, "out", lambda: console)
        patch.setattr(output, "is_terminal", lambda: True)
        patch.setattr(output, "echo", lambda text="": written.write(f"{text}\n"))
        show()
    for each in tables:
        console.print(each, crop=False)
    return written.getvalue().splitlines()


def bot(number, name):
    return structure(
        {
            "id": LIVE_ID[:-1] + str(number),
            "unique_name": f"averylonguniquename{number}",
            "name": name,
            "description": TEXT,
            "scope": "organization",
            "status": "enabled",
            "subscriber_count": 12_345,
            "execution_url": f"https://ci.example.com/{'x' * 60}",
            "handlers": [{"type": "incoming_webhook_handler", "id": LIVE_ID[2:], "name": "Raise"}],
        },
        Bot,
    )


BOTS = [bot(number, name) for number, name in enumerate(NAMES)]


def whole(lines, *words):
    """Each word that is in no line as a whole."""
    return [word for word in words if not any(word in line for line in lines)]


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40, 30])
def test_no_id_and_no_name_is_broken(width, monkeypatch):
    def show():
        print_bots(BOTS)
        for each in BOTS:
            print_bot(each, details=True)

    lines = rendered(width, patch=monkeypatch, show=show)
    words = [word for each in BOTS for word in (each.id, each.unique_name, each.execution_url)]
    assert whole(lines, *words, "incoming_webhook_handler") == []
    assert whole(lines, *(name for name in NAMES if cell_len(name) <= width - 4)) == []
    wide = [line for line in lines if cell_len(line) > width]
    assert [line for line in wide if line not in {*words, *NAMES}] == []


@pytest.mark.parametrize("width", [80, 40])
def test_no_endpoint_is_broken(width):
    rows = [
        (name, "10", "", "9", "16:20:33, in 0:53 min", "16:24:33, in 4:53 min", "2")
        for name in ENDPOINTS
    ]
    header = ("endpoint", "threshold", "in use", "free", "next token", "locked until", "waiting")
    lines = rendered(width, TableLayout(rows, header, (1, 2, 3, 6)))
    assert whole(lines, *ENDPOINTS, "16:24:33, in 4:53 min") == []
    assert not any("in use" in line for line in lines)
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", [80, 40])
def test_functions(width, monkeypatch):
    function = structure(
        {
            "id": LIVE_ID[2:],
            "name": "approve_an_expense_of_a_person",
            "function_type": "widget_button",
            "execution_type": "webhook",
            "status": "enabled",
            "handlers": [{"type": "form_view_handler"}, {"type": "form_dynamic_field_handler"}],
        },
        Function,
    )
    lines = rendered(width, patch=monkeypatch, show=lambda: print_functions([function]))
    handlers = ("form_view_handler", "form_dynamic_field_handler")
    assert whole(lines, function.id, function.name, *handlers) == []
    assert max(map(cell_len, lines)) <= width


ROWS = [("123", "Ops", "organization", "")]
HEADER = ("id", "name", "scope", "status")


@pytest.mark.parametrize(
    ("width", "spare", "lines"),
    [
        (31, (), ["╭─────┬──────┬──────────────╮", "│ id  │ name │ scope        │"]),
        (28, (), ["id   name  scope", "123  Ops   organization"]),
        (22, (2,), ["╭─────┬──────╮", "│ id  │ name │"]),
        (12, (2,), ["id   name", "123  Ops"]),
        (20, (), ["id     123", "name   Ops", "scope  organization"]),
        (15, (), ["id     123", "name   Ops", "scope", "  organization"]),
    ],
)
def test_the_widest_layout_that_fits(width, spare, lines):
    shown = [line.rstrip() for line in rendered(width, TableLayout(ROWS, HEADER, spare=spare))]
    assert shown[: len(lines)] == lines


def test_blocks_have_a_line_between_them():
    shown = rendered(11, TableLayout([("12345", "a", "b"), ("2", "", "c")], ("number", "n", "m")))
    assert shown == [
        *("number", "  12345", "n       a", "m       b"),
        "",
        *("number  2", "m       c"),
    ]


def test_free_text_wraps_between_words():
    layout = TableLayout([("reason", "the bot is not allowed to message them")], free=(1,))
    assert rendered(40, layout)[1:3] == [
        "│ reason │ the bot is not allowed to   │",
        "│        │ message them                │",
    ]


def test_a_line_is_broken_between_words_if_it_is_too_wide():
    line = "ok           server: no such_thing"
    assert wrap(line, 80) == [line]
    assert wrap(line, 24, 13) == ["ok           server: no", "             such_thing"]
    assert wrap("  a b", 3) == ["  a", "b"]
    assert wrap("abcdef g", 3) == ["abcdef", "g"]
    assert wrap("", 3) == [""]


def test_wide_characters_are_aligned():
    rows = [("1", "客户"), ("22", "ab"), ("3", "e\u0301")]
    assert list(TableLayout(rows, ("n", "name"), right=(0,)).lines()) == [
        " n  name",
        " 1  客户",
        "22  ab",
        " 3  e\u0301",
    ]
    boxed = rendered(40, TableLayout(rows, ("n", "name")))
    assert len({cell_len(line) for line in boxed}) == 1
    assert text_width("客户e\u0301") == 5


@pytest.mark.parametrize("columns", ["20", "500"])
def test_other_streams_do_not_depend_on_the_width(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    print_bots(BOTS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(BOTS)
    assert lines[0].split("  ")[0] == "id"
    assert lines[1].startswith(f"{BOTS[0].id}  {BOTS[0].unique_name}")


def test_a_table_without_rows_prints_nothing(capsys):
    output.table([], header=HEADER)
    output.table([])
    assert capsys.readouterr().out == ""
