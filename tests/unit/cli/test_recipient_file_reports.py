"""Reports of jobs as lists of recipients, whatever a spreadsheet made of them."""

import pytest
from support.cli import run, zuids
from support.cli_broadcasts import BROADCAST

from cliq_async.sandbox import Sandbox


def a_report(path, header="id,status,code,reason", end=""):
    """A report of nine recipients, of whom three are left, as a spreadsheet may have saved it."""
    lines = [header + end]
    statuses = ["delivered", "Left ", "unknown"] * 3
    for each, status in zip(zuids(9), statuses, strict=True):
        cells = {"id": each, "status": status}
        lines.append(",".join(cells.get(name, "") for name in header.split(",")) + end)
    path.write_text("\ufeff" + "\n".join(lines).replace(",", ";"))
    return str(path)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--column", "id"),
        ("--column", "user_id"),
        ("--template",),
        ("--template", "--column", "zuid"),
    ],
)
@pytest.mark.parametrize(
    ("header", "end"),
    [
        ("id,status,code,reason", ""),
        ("id,status,code,reason", ",,"),
        ("note,reason,code,status,id", ""),
    ],
)
async def test_only_those_left_get_it_whatever_became_of_the_report(tmp_path, options, header, end):
    path = a_report(tmp_path / "day.csv", header, end)
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", path, *options)
        got = sandbox.report(recipients=True)["recipients"]
        rest = await run(sandbox, *BROADCAST, "--to", path, "--exclude", path)
    assert result.exit_code == rest.exit_code == 0, result.stderr
    assert sorted(got) == sorted(zuids(9)[1::3])


async def test_status_that_no_report_has_is_refused(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("id,status,code,reason\n1,left,,\n2,offen,,\n")
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", str(path))
    assert result.exit_code == 2
    assert "day.csv line 3: 'offen' is not a status of a report: delivered, " in result.stderr


async def test_page_is_no_list_of_recipients(ids, tmp_path):
    page = str(tmp_path / "day.html")
    async with Sandbox() as sandbox:
        await run(sandbox, *BROADCAST, "--to", ids(9), "--report", page)
        before = sandbox.report()["requests"]
        result = await run(sandbox, *BROADCAST, "--to", page)
        assert sandbox.report()["requests"] == before
    assert (result.exit_code, "this is an HTML page" in result.stderr) == (2, True)


async def test_exclude_takes_what_is_done_and_nothing_that_is_left(tmp_path):
    """An id that was no id is no error, and one that was repeated may be left."""
    people = tmp_path / "people.csv"
    people.write_text("user_id;name\n" + "".join(f"{each};n\n" for each in zuids(20)))
    one, two, three = zuids(3)
    day = tmp_path / "day.csv"
    rows = (
        f"{one},delivered,,",
        f"{two},left,,",
        f"{two},skipped,,repeated",
        "a b,skipped,,not an id",
    )
    day.write_text("\n".join(["id,status,code,reason", *rows]))
    (tmp_path / "gone.txt").write_text(three)
    exclude = ("--exclude", str(day), "--exclude", str(tmp_path / "gone.txt"))
    async with Sandbox(subscribers=20) as sandbox:
        options = ("--to", str(people), "--template", "--text", "{{ name }}", *exclude)
        result = await run(sandbox, "broadcast", "supportbot", *options)
        got = sandbox.report(recipients=True)["recipients"]
    assert result.exit_code == 0, result.stderr
    assert sorted(got) == sorted({*zuids(20)} - {one, three})
