"""The encoding of a file: UTF-8, or UTF-16 if it begins with that byte order mark."""

import codecs
from typing import Final

__all__ = ["TextDecoder"]

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextDecoder(codecs.IncrementalDecoder):
    """Decodes UTF-8 and, as Excel and PowerShell write it, UTF-16; without byte order marks."""

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
            if len(self._start) < len(_UTF_16[0]) and not final:
                return ""
            name = "utf-16" if self._start.startswith(_UTF_16) else "utf-8-sig"
            self._decoder = codecs.getincrementaldecoder(name)()
            data = self._start
        return self._decoder.decode(data, final)
