"""Files in other encodings and forms, such as offices have them, are read or named."""

import gzip
import io
import zipfile

import pytest

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.bounded import read_text
from cliq_async.cli.inputs.encoding import TextDecoder
from cliq_async.cli.inputs.recipient_file import RecipientFile


def zipped(*names, mimetype=""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if mimetype:
            archive.writestr(zipfile.ZipInfo("mimetype"), mimetype)
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x" * 100)
    return file.getvalue()


EXCEL = "this is an Excel workbook: save it in Excel as `CSV UTF-8`"
COMPRESSED = "this is a compressed file: decompress it first"


@pytest.mark.parametrize("column", [None, "user_id"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), EXCEL),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), EXCEL),
        (
            zipped("content.xml", mimetype="application/vnd.oasis.opendocument.spreadsheet"),
            "this is an OpenDocument spreadsheet: save it as CSV, in UTF-8",
        ),
        (zipped("Index/Document.iwa"), "this is a Numbers spreadsheet: export it as CSV"),
        (zipped("people.csv"), "this is a ZIP archive: unpack it first"),
        (b"%PDF-1.7\n1\n", "this is a PDF"),
        (gzip.compress(b"user_id\n1\n", mtime=0), COMPRESSED),
        (b"BZh91AY&SY", COMPRESSED),
        (b"PAR1\x15", "this is a Parquet file: write it as CSV or JSON Lines"),
    ],
)
async def test_file_that_is_not_text_is_named(tmp_path, content, said, column):
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with RecipientFile(str(path), column) as file, pytest.raises(CliError) as caught:
        await file.start()
    assert str(caught.value).startswith(f"{path}: {said}")
    assert caught.value.status == 2
    with pytest.raises(CliError, match=r"people\.csv: this is a"):
        read_text(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_decoded_whatever_its_pieces(encoding):
    data = "user_id\nJürgen 名\n".encode(encoding)
    for size in (1, 3, 100):
        decoder = TextDecoder()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        text = "".join([*map(decoder.decode, pieces), decoder.decode(b"", final=True)])
        assert text == "user_id\nJürgen 名\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1\r\nJ\xfcrgen".encode("latin-1"), "line 2: not UTF-8: byte 0xFC, which is 'ü' in"),
        (b"a\n\x9d\n", "line 2: not UTF-8: byte 0x9D; save it as UTF-8"),
        (b"\xff\xfe1\x00\n\x00\x00\xd8\n\x00", "line 2: not valid UTF-16: save it as UTF-8"),
    ],
)
def test_bytes_that_cannot_be_decoded_are_told_with_their_line(tmp_path, content, said):
    path = tmp_path / "message.json"
    path.write_bytes(content)
    with pytest.raises(CliError) as caught:
        read_text(path)
    assert f"{path} {said}" in str(caught.value)
