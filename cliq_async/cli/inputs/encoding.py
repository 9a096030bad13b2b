"""The encoding of a file: UTF-8, or UTF-16 if its first bytes say so; other kinds are named."""

import codecs
from typing import Final

from cliq_async.cli.errors import USAGE, CliError

__all__ = ["TextDecoder", "decode_file", "describe_error", "foreign_kind", "lines_before"]

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHORTEST: Final = 2
"""The number of bytes that tell the encoding."""

_EXCEL: Final = "an Excel workbook: save it in Excel as `CSV UTF-8`"
_DECOMPRESS: Final = "a compressed file: decompress it first"
_KINDS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _EXCEL),
    (b"%PDF-", "a PDF: it has no cells that can be read; get the list as CSV"),
    (b"\x1f\x8b", _DECOMPRESS),
    (b"BZh", _DECOMPRESS),
    (b"\xfd7zXZ\x00", _DECOMPRESS),
    (b"\x28\xb5\x2f\xfd", _DECOMPRESS),
    (b"PAR1", "a Parquet file: write it as CSV or JSON Lines"),
)
_ZIP: Final = b"PK\x03\x04"
_ZIPPED: Final[tuple[tuple[bytes, str], ...]] = (
    (b"xl/", _EXCEL),
    (b"opendocument.spreadsheet", "an OpenDocument spreadsheet: save it as CSV, in UTF-8"),
    (b"Index/", "a Numbers spreadsheet: export it as CSV, in Unicode (UTF-8)"),
    (b"", "a ZIP archive: unpack it first"),
)


def foreign_kind(start: bytes) -> str | None:
    """Return the kind of a file that is not text, with advice; None if it may be text.

    Args:
        start: The first bytes of the file.
    """
    if start.startswith(_ZIP):
        return next(kind for part, kind in _ZIPPED if part in start)
    return next((kind for first, kind in _KINDS if start.startswith(first)), None)


class TextDecoder(codecs.IncrementalDecoder):
    """Decodes UTF-8 and, as Excel and PowerShell write it, UTF-16; without byte order marks.

    UTF-16 without a mark is recognized by the NUL that is half of its first character.
    """

    def __init__(self) -> None:
        super().__init__()
        self._start = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]  # noqa: FBT001, FBT002 - as the standard library's
        """Decode the next bytes.

        Raises:
            UnicodeDecodeError: They are in neither encoding.
        """
        if self._decoder is None:
            self._start += data
            if len(self._start) < _SHORTEST and not final:
                return ""
            self._decoder = codecs.getincrementaldecoder(_encoding(self._start))()
            data = self._start
        return self._decoder.decode(data, final)


def _encoding(start: bytes) -> str:
    if start.startswith(_UTF_16):
        return "utf-16"
    if len(start) >= _SHORTEST and start[0] and not start[1]:
        return "utf-16-le"
    if len(start) >= _SHORTEST and start[1] and not start[0]:
        return "utf-16-be"
    return "utf-8-sig"


def describe_error(error: UnicodeDecodeError) -> str:
    """Describe bytes that cannot be decoded, with advice."""
    wrong = error.object[error.start]
    if error.encoding != "utf-8":
        return "not valid UTF-16: save it as UTF-8"
    char = bytes([wrong]).decode("cp1252", "ignore")
    guess = f", which is {char!r} in Windows-1252 (Latin-1)" if char else ""
    return f"not UTF-8: byte 0x{wrong:02X}{guess}; save it as UTF-8"


def lines_before(error: UnicodeDecodeError) -> int:
    """Return the number of line ends before the bytes that cannot be decoded."""
    text = error.object[: error.start].decode(error.encoding, "ignore")
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def decode_file(name: str, content: bytes) -> str:
    """Decode a whole file.

    Raises:
        CliError: It is not text, or in another encoding.
    """
    if kind := foreign_kind(content):
        raise CliError(f"{name}: this is {kind}", USAGE)
    try:
        return TextDecoder().decode(content, final=True)
    except UnicodeDecodeError as error:
        message = f"{name} line {lines_before(error) + 1}: {describe_error(error)}"
        raise CliError(message, USAGE) from None
