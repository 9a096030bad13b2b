"""Identifiers in a request: recipients, path parameters and the size of a page.

Pure functions that run once per request, with a fast path for common values.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from numbers import Integral
from typing import Any, Final
from urllib.parse import quote

from cliq_async.errors import Unquoted, ValidationError
from cliq_async.models import converters, validators

__all__ = [
    "MAX_USER_IDS",
    "check_not_a_table",
    "given_ids",
    "page_limit",
    "path_segment",
    "query_text",
    "recipient_ids",
    "user_ids_field",
]

MAX_USER_IDS: Final = 100
_MAX_ID_CHARS: Final = 320
"""More than any email address has; a ZUID has about twenty."""
_MAX_INT: Final = 2**63 - 1
_TABLE: Final = 2
"""The number of a table's dimensions."""
_SHOWN_COLUMNS: Final = 5
_LIKELY_COLUMN: Final = re.compile("zuid|user.?id|e.?mail", re.IGNORECASE)

# UTF-8 cannot encode surrogates. \s matches Unicode separators; the rest are control characters.
_UNSAFE: Final = r"\s\x00-\x1f\x7f-\x9f\ud800-\udfff"
_NAME: Final = rf'[^@,;:<>()\[\]"{_UNSAFE}{converters.INVISIBLE}]+'
_ID_FORM: Final = re.compile(f"[0-9]+|{_NAME}@{_NAME}")
_ZUIDS: Final = re.compile("[0-9]+(?:,[0-9]+)*")
_SPREADSHEET: Final = re.compile(r"[0-9][0-9.]*(E[+-]?[0-9]+)?", re.IGNORECASE)
_NOT_IN_PATH: Final = re.compile(rf"[/\\?#%{_UNSAFE}]")
_ONE_ID: Final = (str, int, bytes, Integral, Decimal)  # a union would be created on every call
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")

_ID: Final = "a ZUID, which has digits only, or an email address"
_CHANGED: Final = f"{_ID}; a program took this id for a number and changed it: export it as text"
_PATH: Final = "a non-empty str, without / \\ ? # %, whitespace and control characters, not . or .."


def user_ids_field(ids: str | int | Iterable[str | int]) -> str:
    """Return the body's `user_ids` field: one id or several, separated by commas.

    Example:
        >>> user_ids_field([55743307, "ann@example.com"])
        '55743307,ann@example.com'

    Args:
        ids: 1 to 100 ZUIDs or email addresses.

    Raises:
        ValidationError: There are no ids or too many, or one is not a valid id.
    """
    if type(ids) is str and len(ids) <= _MAX_ID_CHARS and ids.isdigit() and ids.isascii():
        return ids
    return ",".join(recipient_ids("user_ids", ids, MAX_USER_IDS))


def recipient_ids(field: str, ids: str | int | Iterable[str | int], maximum: int) -> list[str]:
    """Return one id or several as a list of strings.

    Args:
        field: The field's name, for the error.
        ids: ZUIDs or email addresses.
        maximum: The maximum number of ids; at least 1.

    Raises:
        ValidationError: There are no ids or too many, or one is not a valid id.
    """
    given = [ids] if isinstance(ids, _ONE_ID) else _first(field, ids, maximum)
    texts = [item if type(item) is str else _id_text(field, item) for item in given]
    if not 0 < len(texts) <= maximum:
        raise ValidationError(field, f"1 to {maximum} ids", len(texts))
    joined = ",".join(texts)
    # Check the joined string once: an extra comma shows in the number of commas.
    plain = _ZUIDS.fullmatch(joined) is not None and joined.count(",") == len(texts) - 1
    if plain and (len(joined) <= _MAX_ID_CHARS or max(map(len, texts)) <= _MAX_ID_CHARS):
        return texts
    return [_id_text(field, text) for text in texts]


def given_ids(ids: object) -> bool:
    """Return whether ids were given, which an empty str, list or tuple does not."""
    return not isinstance(ids, str | list | tuple) or bool(ids)


def check_not_a_table(field: str, ids: Any) -> None:
    """Refuse a data frame, whose items are the names of its columns.

    Raises:
        ValidationError: It is one; the error names a column that may hold the ids.
    """
    if len(getattr(ids, "shape", ())) != _TABLE or not hasattr(ids, "columns"):
        return
    names = [str(name) for name in getattr(ids, "column_names", None) or ids.columns]
    likely = [name for name in names if _LIKELY_COLUMN.search(name)]
    column = (likely or names or ["user_id"])[0]
    shown = ", ".join(names[:_SHOWN_COLUMNS])
    given = Unquoted(f"a table with the columns {shown}")
    raise ValidationError(field, f"the ids, such as the column table[{column!r}]", given)


def _first(field: str, ids: Iterable[str | int], maximum: int) -> list[str | int]:
    check_not_a_table(field, ids)
    if not isinstance(ids, Iterable):
        raise ValidationError(field, _ID, ids)
    items = list(islice(ids, maximum + 1))  # the iterable may be endless
    if len(items) > maximum:
        count = len(ids) if isinstance(ids, list | tuple | set | frozenset) else None
        raise ValidationError(field, f"1 to {maximum} ids", count or Unquoted(f"over {maximum}"))
    return items


def _id_text(field: str, item: object) -> str:
    text = converters.as_id(item)
    if not isinstance(text, str):
        raise ValidationError(field, _CHANGED if isinstance(item, float) else _ID, item)
    if len(text) > _MAX_ID_CHARS or not _ID_FORM.fullmatch(text):
        raise ValidationError(field, _CHANGED if _SPREADSHEET.fullmatch(text) else _ID, item)
    return text


def path_segment(field: str, value: str) -> str:
    """Check and percent-encode a path parameter.

    Example:
        >>> path_segment("bot_id", "b-1901318000009075007")
        'b-1901318000009075007'

    Args:
        field: The parameter's name, for the error.
        value: A non-empty str that forms exactly one path segment.

    Raises:
        ValidationError: `value` is not a valid path segment.
    """
    if not isinstance(value, str):
        raise ValidationError(field, _PATH, value)
    if _PLAIN.fullmatch(value):
        return value
    if value in {"", ".", ".."} or _NOT_IN_PATH.search(value):
        raise ValidationError(field, _PATH, value)
    return quote(value, safe="")


def page_limit(limit: int | None, maximum: int | None = None) -> int | None:
    """Check and return a page size: 1 or more, or None for Cliq's default of 20.

    Args:
        limit: The page size.
        maximum: The largest one, if the API documents one.

    Raises:
        ValidationError: `limit` is out of range.
    """
    if limit is None:
        return None
    # bool is a subclass of int; an int of more bits is not one of JSON's
    high = _MAX_INT if maximum is None else maximum
    if type(limit) is not int or not 0 < limit <= high:
        words = "an int, 1 or more" if maximum is None else f"an int from 1 to {maximum}"
        raise ValidationError("limit", words, limit)
    return limit


def query_text(field: str, value: str | None) -> str | None:
    """Check and return a string of the query; None passes.

    Raises:
        ValidationError: `value` is not a str, or UTF-8 cannot encode it.
    """
    return None if value is None else validators.check_text(field, value)
