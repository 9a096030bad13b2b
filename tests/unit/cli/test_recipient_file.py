import asyncio
import io
import os
import sys

import click
import pytest

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.recipient_file import RecipientFile


async def read(path, column=None):
    with RecipientFile(str(path), column) as recipients:
        total = await recipients.start()
        return total, [each async for each in recipients]


@pytest.fixture
def file(tmp_path):
    def make(content, name="ids.txt"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize(
    "content",
    [
        b"1\n2\n3\n",
        b"1\n2\n3",
        b"\xef\xbb\xbf1\r\n2\r\n3\r\n",
        b"\n\n 1 \n\t2\n\n3\n \n",
        b"1\r2\r3\r",
    ],
)
async def test_one_id_a_line(file, content):
    assert await read(file(content)) == (3, ["1", "2", "3"])


@pytest.mark.parametrize(
    "content",
    [
        b"name,id\nAnn,1\nBob,2\n",
        b"\xef\xbb\xbfid,name\r\n1,Ann\r\n\r\n2,Bob\r\n",
        b"\n,,\nname, id \nAnn, 1\n,\nBob,2",
        b'name,id\n"Ann\nLee",1\n"Bob ""B"", jun.","2"\n',
        b'name,id\nAnn 5",1\nBob,2\n',
    ],
)
async def test_a_column_of_a_csv_file(file, content):
    assert await read(file(content, "ids.csv"), "id") == (2, ["1", "2"])


async def test_a_row_without_its_id_is_not_lost(file):
    content = b"name,id\nAnn,\nBob\nEve,3\n"
    assert await read(file(content), "id") == (3, ["", "", "3"])


async def test_an_id_over_the_edge_of_a_piece(file):
    ids = [str(number) * 3 for number in range(20_000)]
    content = "\n".join(ids).encode()
    assert len(content) > 2 * 65_536
    assert await read(file(content)) == (20_000, ids)


async def test_an_empty_file_has_nobody(file):
    assert await read(file(b"")) == (0, [])


@pytest.mark.parametrize(
    ("content", "column", "said"),
    [
        (b"name,zuid\nAnn,1\n", "id", "no column 'id'; the columns are: name, zuid"),
        (b"id,id\n1,2\n", "id", "more than one column 'id'"),
        (b"", "id", "ids.txt: it is empty: there are no columns"),
        (b'id\n1\n"2\n3\n', "id", "ids.txt line 3: its quotes are never closed"),
        (b"id\n" + b"x" * 200_000 + b"\n", "id", "ids.txt line 2: not CSV: field larger"),
        (b"1\n2\n\xff\n", None, "ids.txt line 3: not UTF-8: byte 0xFF"),
        (b"1\r\n2\r3\n\xc3", None, "ids.txt line 4: not UTF-8"),
    ],
)
async def test_what_is_wrong_with_a_file(file, content, column, said):
    with pytest.raises(CliError) as caught:
        await read(file(content), column)
    assert said in str(caught.value)
    assert caught.value.status == 2


async def test_a_csv_file_asks_for_the_column(file):
    with pytest.raises(click.UsageError, match=r"choose the --column with the ids: name, id"):
        await read(file(b"name,id\nAnn,1\n", "ids.CSV"))


def test_a_file_that_cannot_be_opened():
    with pytest.raises(CliError, match="No such file"):
        RecipientFile("/nowhere/ids.txt", None)


async def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(CliError, match="directory"):
        RecipientFile(str(tmp_path), None)


async def test_a_reading_that_fails(file, monkeypatch):
    def broken(*_):
        raise OSError(5, "Input/output error")

    path = file(b"1\n")
    with RecipientFile(str(path), None) as recipients:
        monkeypatch.setattr(os, "read", broken)
        with pytest.raises(CliError, match="Input/output error"):
            await recipients.start()


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CliError, match="standard input: the stream is closed"):
        RecipientFile("-", None)


async def test_standard_input_that_is_no_file(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1\n2\n")))
    assert await read("-") == (None, ["1", "2"])


async def test_a_pipe_is_read_as_it_comes_and_does_not_block(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)  # so that neither side waits for the other
    try:
        with RecipientFile(str(path), None) as recipients:
            assert await recipients.start() is None
            ids = aiter(recipients)
            first = asyncio.ensure_future(anext(ids))
            await asyncio.sleep(0)
            assert not first.done()
            os.write(writing, b"1\n2\n")
            assert [await first, await anext(ids)] == ["1", "2"]
            third = asyncio.ensure_future(anext(ids))
            await asyncio.sleep(0)
            third.cancel()
            with pytest.raises(asyncio.CancelledError):
                await third
    finally:
        os.close(writing)
