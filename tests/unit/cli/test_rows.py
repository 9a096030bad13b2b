"""CSV as offices write it: delimiters, encodings, line ends and quotes."""

import pytest
from support.cli import invoke

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.recipient_file import RecipientFile

ROWS = 'user_id,name\r\n1,"Ann, B; C\tD"\r\n\r\n2,"two\r\nlines"\r\n'
ANN = {"user_id": "1", "name": "Ann, B; C\tD"}


def with_delimiter(delimiter):
    return ROWS.replace("d,n", f"d{delimiter}n").replace(',"', f'{delimiter}"')


async def rows_of(path, column="user_id", delimiter=None):
    with RecipientFile(str(path), column, None, delimiter) as recipients:
        total = await recipients.start()
        rows = [each async for each in recipients.rows()]
    assert total == len(rows)
    return rows


@pytest.fixture
def file(tmp_path):
    def make(content, name="people.csv"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return make


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_delimiters_are_found_out_in_each_encoding(delimiter, encoding, file):
    text = with_delimiter(delimiter)
    for ends in ("\r\n", "\n", "\r"):
        path = file(text.replace("\r\n", ends).encode(encoding))
        assert await rows_of(path) == [ANN, {"user_id": "2", "name": "two\nlines"}]


async def test_utf_16_of_the_other_byte_order(file):
    path = file(b"\xfe\xff" + with_delimiter(";").encode("utf-16-be"), "people.txt")
    assert (await rows_of(path))[0] == ANN


@pytest.mark.parametrize("line", ["sep=|", '"SEP=|"'])
async def test_a_line_for_excel_names_the_delimiter(line, file):
    path = file(f"{line}\r\n{with_delimiter('|')}".encode())
    assert (await rows_of(path))[0] == ANN


async def test_an_option_names_the_delimiter(file):
    assert (await rows_of(file(with_delimiter("|").encode()), delimiter="|"))[0] == ANN
    path = file(b"sep=;\nuser_id|name\n1|Ann\n")
    assert await rows_of(path, delimiter="|") == [{"user_id": "1", "name": "Ann"}]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('"first\nname";user_id\nAnn;1\n', [{"first\nname": "Ann", "user_id": "1"}]),
        ("name, first;user_id\nAnn;1\n", [{"name, first": "Ann", "user_id": "1"}]),
        (";;\nuser_id;name;\n1;Ann;;\n", [{"user_id": "1", "name": "Ann"}]),
        ("user_id\n1\n", [{"user_id": "1"}]),
    ],
)
async def test_headers(content, rows, file):
    assert await rows_of(file(content.encode())) == rows


@pytest.mark.parametrize(
    ("content", "delimiter", "said"),
    [
        (
            "zuid;name\n1;Ann\n",
            None,
            "zuid, name (separated by semicolons; commas and tabs were tried, see --delimiter)",
        ),
        ("zuid;name\n", ",", "the columns are: zuid;name (separated by commas)"),
        ("zuid|name\n", None, "the columns are: zuid|name (separated by commas; semicolons and"),
        (
            "user_id;name\n1;Doe; John\n",
            None,
            "csv line 2: 3 cells for 2 columns: put cells with semicolons in quotes",
        ),
        (
            "user_id|name\n1|Doe| John\n",
            "|",
            "csv line 2: 3 cells for 2 columns: put cells with '|' in quotes",
        ),
        ('"zuid";"name\n1;Ann\n', None, "csv line 1: its quotes are never closed"),
        ('"a"b\n', None, "csv line 1: not CSV: "),
        (
            "user_id;name\n1;J\xfcrgen\n",
            None,
            "csv line 2: not UTF-8: byte 0xFC, which is 'ü' in Windows-1252 (Latin-1); save it",
        ),
    ],
)
async def test_errors_name_what_was_found(content, delimiter, said, file):
    with pytest.raises(CliError) as caught:
        await rows_of(file(content.encode("latin-1")), delimiter=delimiter)
    assert said in str(caught.value)


async def test_lines_in_utf_16(file):
    path = file("1\r\n2\r\n".encode("utf-16"), "ids.txt")
    with RecipientFile(str(path), None) as recipients:
        assert await recipients.start() == 2
        assert [each async for each in recipients] == ["1", "2"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xfe", b"\xef\xbb"])
async def test_files_that_end_in_a_byte_order_mark(content, file):
    path = file(content, "ids.txt")
    with RecipientFile(str(path), None) as recipients:
        if content != b"\xff":
            assert await recipients.start() == 0
        else:
            with pytest.raises(CliError, match=r"ids\.txt line 1: not UTF-8"):
                await recipients.start()


def dry_run(path, *options):
    args = ("broadcast", "b", "--text", "hi", "--dry-run", "--token", "t", "--quota", "memory://")
    return invoke(*args, "--to", str(path), "--column", "user_id", *options)


@pytest.mark.parametrize(
    ("value", "delimiter"), [("|", "|"), ("tab", "\t"), ("\\t", "\t"), (";", ";")]
)
def test_the_option(value, delimiter, file):
    result = dry_run(file(with_delimiter(delimiter).encode()), "--delimiter", value)
    assert result.exit_code == 0
    assert '"1,2"' in result.stdout or '"1",' in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--delimiter", "||"), "one character, or tab"),
        (("--delimiter", '"'), "one character, or tab"),
        (("--delimiter", ""), "one character, or tab"),
        (("--delimiter", ";", "--format", "jsonl"), "--delimiter is for csv"),
        (("--delimiter", ";", "--to", "people.jsonl"), "--delimiter is for csv"),
    ],
)
def test_a_wrong_option_is_wrong_usage(options, said, file):
    path = file(b"user_id\n1\n", "people.jsonl" if "people.jsonl" in options else "people.csv")
    result = dry_run(path, *[str(path) if each == path.name else each for each in options])
    assert result.exit_code == 2
    assert said in result.stderr


def test_excluded_recipients_may_be_separated_otherwise(file):
    without = file(b"user_id;name\r\n2;Bob\r\n", "without.csv")
    result = dry_run(file(ROWS.encode()), "--exclude", str(without))
    assert result.stdout.startswith("1 recipient from ")
