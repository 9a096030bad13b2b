"""Identifiers in a request: recipients, path parameters and the size of a page.

Pure functions, run once a request: the usual values take the short way.
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
"""More than any email address has; a ZUID has some twenty."""
_MAX_LIMIT: Final = 50

# Surrogates have no place in UTF-8. \s has the separators of Unicode, the rest is controls.
_UNSAFE: Final = r"\s\x00-\x1f\x7f-\x9f\ud800-\udfff"
_NOT_IN_ID: Final = re.compile(f"[,{_UNSAFE}]")
_NOT_IN_PATH: Final = re.compile(rf"[/\\?#%{_UNSAFE}]")
_ONE_ID: Final = (str, int, bytes)  # a union would be made anew each time
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")

_ID: Final = (
    f"a str or int of 1 to {_MAX_ID_CHARS} characters, without comma, whitespace and control "
    "characters"
)
_PATH: Final = "a non-empty str, without / \\ ? # %, whitespace and control characters, not . or .."


def user_ids_field(ids: str | int | Iterable[str | int]) -> str:
    """The body's `user_ids`: one id or several, separated by commas.

    Example:
        >>> user_ids_field([55743307, "ann@example.com"])
        '55743307,ann@example.com'

    Args:
        ids: 1 to 100 ZUIDs or email addresses.

    Raises:
        ValidationError: Too many, none, or one that cannot be an id.
    """
    if type(ids) is str and ids.isdigit() and ids.isascii() and len(ids) <= _MAX_ID_CHARS:
        return ids
    return ",".join(recipient_ids("user_ids", ids, MAX_USER_IDS))


def recipient_ids(field: str, ids: str | int | Iterable[str | int], most: int) -> list[str]:
    """One id or several as texts.

    Args:
        field: The field's name, for the error.
        ids: ZUIDs or email addresses.
        most: How many there may be; at least 1.

    Raises:
        ValidationError: Too many, none, or one that cannot be an id.
    """
    given = [ids] if isinstance(ids, _ONE_ID) else _first(field, ids, most)
    texts = [item if type(item) is str else _id_text(field, item) for item in given]
    if not 0 < len(texts) <= most:
        raise ValidationError(field, f"1 to {most} ids", len(texts))
    joined = ",".join(texts)
    # One look at the whole: a comma too many or an empty id shows in the count of commas.
    clean = joined.isascii() and joined.isprintable() and " " not in joined
    short = len(joined) <= _MAX_ID_CHARS or max(map(len, texts)) <= _MAX_ID_CHARS
    if not (clean and short) or joined.count(",") != len(texts) - 1 or "" in texts:
        for text in texts:
            if not 0 < len(text) <= _MAX_ID_CHARS or _NOT_IN_ID.search(text):
                raise ValidationError(field, _ID, text)
    return texts


def _first(field: str, ids: Iterable[str | int], most: int) -> list[str | int]:
    if not isinstance(ids, Iterable):
        raise ValidationError(field, _ID, ids)
    found = list(islice(ids, most + 1))  # it may be endless
    if len(found) > most:
        known = len(ids) if isinstance(ids, list | tuple | set | frozenset) else None
        raise ValidationError(field, f"1 to {most} ids", known or Unquoted(f"over {most}"))
    return found


def _id_text(field: str, item: object) -> str:
    text = converters.as_id(item)
    if not isinstance(text, str):
        raise ValidationError(field, _ID, item)
    return text


def path_segment(field: str, value: str) -> str:
    """A path parameter, checked and percent-quoted.

    Example:
        >>> path_segment("bot_id", "b-1901318000009075007")
        'b-1901318000009075007'

    Args:
        field: The parameter's name, for the error.
        value: A non-empty str that stays one segment of a path.

    Raises:
        ValidationError: It is none.
    """
    if not isinstance(value, str):
        raise ValidationError(field, _PATH, value)
    if _PLAIN.fullmatch(value):
        return value
    if value in {"", ".", ".."} or _NOT_IN_PATH.search(value):
        raise ValidationError(field, _PATH, value)
    return quote(value, safe="")


def page_limit(limit: int | None) -> int | None:
    """The items of a page: 1 to 50, or None for Cliq's default of 20.

    Raises:
        ValidationError: It is neither.
    """
    if limit is None:
        return None
    # bool is an int to Python
    if type(limit) is not int or not 0 < limit <= _MAX_LIMIT:
        raise ValidationError("limit", f"an int from 1 to {_MAX_LIMIT}", limit)
    return limit


def query_text(field: str, value: str | None) -> str | None:
    """A text of the query, or None for none.

    Raises:
        ValidationError: It is no text, or none that UTF-8 can carry.
    """
    return None if value is None else validators.check_text(field, value)
