"""Identifiers in a request: recipients, path parameters and the size of a page.

Pure functions that run once per request, with a fast path for common values.
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final
from urllib.parse import quote

from cliq_async.errors import Unquoted, ValidationError
from cliq_async.models import converters, validators

__all__ = [
    "MAX_USER_IDS",
    "page_limit",
    "path_segment",
    "query_text",
    "recipient_ids",
    "user_ids_field",
]

MAX_USER_IDS: Final = 100
_MAX_ID_CHARS: Final = 320
"""More than any email address has; a ZUID has about twenty."""
_MAX_LIMIT: Final = 50

# UTF-8 cannot encode surrogates. \s matches Unicode separators; the rest are control characters.
_UNSAFE: Final = r"\s\x00-\x1f\x7f-\x9f\ud800-\udfff"
_NOT_IN_ID: Final = re.compile(f"[,{_UNSAFE}]")
_NOT_IN_PATH: Final = re.compile(rf"[/\\?#%{_UNSAFE}]")
_ONE_ID: Final = (str, int, bytes)  # a union would be created on every call
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")

_ID: Final = (
    f"a str or int of 1 to {_MAX_ID_CHARS} characters, without comma, whitespace and control "
    "characters"
)
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
    if type(ids) is str and ids.isdigit() and ids.isascii() and len(ids) <= _MAX_ID_CHARS:
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
    # Check the joined string once: an extra comma or an empty id shows in the number of commas.
    clean = joined.isascii() and joined.isprintable() and " " not in joined
    short = len(joined) <= _MAX_ID_CHARS or max(map(len, texts)) <= _MAX_ID_CHARS
    if not (clean and short) or joined.count(",") != len(texts) - 1 or "" in texts:
        for text in texts:
            if not 0 < len(text) <= _MAX_ID_CHARS or _NOT_IN_ID.search(text):
                raise ValidationError(field, _ID, text)
    return texts


def _first(field: str, ids: Iterable[str | int], maximum: int) -> list[str | int]:
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
        raise ValidationError(field, _ID, item)
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


def page_limit(limit: int | None) -> int | None:
    """Check and return a page size: 1 to 50, or None for Cliq's default of 20.

    Raises:
        ValidationError: `limit` is out of range.
    """
    if limit is None:
        return None
    # bool is a subclass of int
    if type(limit) is not int or not 0 < limit <= _MAX_LIMIT:
        raise ValidationError("limit", f"an int from 1 to {_MAX_LIMIT}", limit)
    return limit


def query_text(field: str, value: str | None) -> str | None:
    """Check and return a string of the query; None passes.

    Raises:
        ValidationError: `value` is not a str, or UTF-8 cannot encode it.
    """
    return None if value is None else validators.check_text(field, value)
