"""Recipients in JSON: an array, as `--json` prints it, or an object a line."""

import json

import pytest
from support.cli import invoke, run, zuids

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs import json_rows, recipient_file
from cliq_async.cli.inputs.recipient_file import RecipientFile
from cliq_async.sandbox import Sandbox

PEOPLE = [{"user_id": "1", "name": "Ann"}, {"user_id": "2"}]


@pytest.fixture
def file(tmp_path):
    def make(content, name):
        (tmp_path / name).write_text(content)
        return str(tmp_path / name)

    return make


async def ids_of(path, column=None):
    with RecipientFile(path, column) as file:
        total = await file.start()
        ids = [each async for each in file]
    assert total == len(ids)
    return ids


@pytest.mark.parametrize("name", ["people.json", "people.jsonl", "people.txt", "people"])
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(PEOPLE),
        json.dumps(PEOPLE, indent=2),
        "\ufeff\n" + json.dumps(PEOPLE, indent=2) + "\n",
        "\n".join(map(json.dumps, PEOPLE)),
        '["1", "2"]',
    ],
)
async def test_json_is_recognized_and_user_id_is_the_column(file, content, name):
    assert await ids_of(file(content, name)) == ["1", "2"]


async def test_rows_of_an_array_and_other_columns(file):
    path = file(json.dumps(PEOPLE, indent=1), "people.json")
    assert await ids_of(path, "name") == ["Ann", ""]
    with RecipientFile(path, "user_id") as people:
        await people.start()
        assert [each async for each in people.rows()] == PEOPLE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"user_id": "1"},\n {"user_id"}]', "people.json line 2: not JSON: Expecting ':'"),
        ('[{"user_id": "1"}', "people.json line 1: not JSON: Expecting ',' delimiter at column 18"),
        ('{\n "user_id": "1"\n}', "people.json: an object over several lines: put each on one"),
        ('{"user_id": "1"}\n{"user', "people.json line 2: not JSON: Unterminated string"),
        ('{"user_id": "1"}\n7', "people.json line 2: not a JSON object"),
        (f'["{"1" * 2000}"]', "people.json line 1: longer than 1,000 characters: check"),
        ("[" + '"1",\n' * 300 + '"1"]', "more than 1,000 characters: write JSON Lines instead"),
        ("[" * 990 + "\n", "not JSON"),
    ],
)
async def test_what_is_wrong_is_told_with_its_line(file, content, said, monkeypatch):
    for module in (json_rows, recipient_file):
        monkeypatch.setattr(module, "MAX_ARRAY_CHARS", 1_000)
    path = file(content, "people.json")
    with pytest.raises(CliError) as caught:
        await ids_of(path)
    assert said in str(caught.value)


def test_template_needs_columns(file):
    options = ("--template", "--text", "{{ name }}", "--dry-run", "--token", "t")
    path = file('["1", "2"]', "people.json")
    result = invoke("broadcast", "b", "--to", path, *options, "--quota", "memory://")
    assert result.exit_code == 2
    assert "people.json: a template needs columns" in result.stderr


def test_error_in_a_message_names_the_line_or_the_row(file):
    options = ("--template", "--text", "{{ name }}", "--dry-run", "--token", "t")
    for name, content, where in (
        ("people.json", json.dumps(PEOPLE, indent=2), "people.json: row 2"),
        (
            "people.jsonl",
            "\n" + "\n".join(map(json.dumps, PEOPLE)),
            "people.jsonl line 3",
        ),
    ):
        path = file(content, name)
        result = invoke("broadcast", "b", "--to", path, *options, "--quota", "memory://")
        assert result.exit_code == 2
        assert f"{where}: --text: 'name' is undefined; " in result.stderr


LIST = ("subscribers", "list", "supportbot", "--json")
EXPORT = ("subscribers", "export", "supportbot", "--output")


@pytest.mark.parametrize("way", ["file", "pipe"])
@pytest.mark.parametrize(
    ("writer", "name"),
    [
        (LIST, "people.json"),
        ((*EXPORT, "-"), "people.csv"),
        ((*EXPORT, "-", "--format", "jsonl"), "people.jsonl"),
    ],
)
async def test_each_list_that_a_command_writes_can_be_read(tmp_path, writer, name, way):
    sent = ("broadcast", "supportbot", "--text", "hi", "--to")
    async with Sandbox(subscribers=120) as sandbox:
        written = (await run(sandbox, *writer)).stdout
        path = tmp_path / name
        path.write_text(written)
        if way == "file":
            result = await run(sandbox, *sent, str(path))
        else:
            csv = ("--column", "user_id") if name == "people.csv" else ()
            result = await run(sandbox, *sent, "-", *csv, stdin=written)
        delivered = sandbox.report()["delivered"]
        rest = await run(
            *(sandbox, *sent, str(path), "--dry-run", "--exclude", str(path)),
        )
    assert result.exit_code == 0, result.output
    assert delivered == {"recipients": 120, "total": 120, "max_per_recipient": 1}
    assert rest.stdout.startswith("0 recipients from ")
    assert zuids(1)[0] in written
