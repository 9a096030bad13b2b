"""Exit statuses, and the errors that end a command with one line on stderr.

The package's errors speak to programmers, of fields and of Python's types. Here they get the words
of a user of the command line: options, variables, keys of files, texts and numbers.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cliq_async.cli.text import clean, moment
from cliq_async.errors import (
    CliqError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    Unquoted,
    ValidationError,
    utc_text,
)

__all__ = [
    "FAILED",
    "FINISHED",
    "INTERRUPTED",
    "PARTLY",
    "QUOTA",
    "USAGE",
    "CliError",
    "cli_field_names",
    "describe",
    "describe_limit",
    "exit_status_of",
    "in_cli_words",
    "to_cli_error",
]

FAILED: Final = 1
USAGE: Final = 2
QUOTA: Final = 3
PARTLY: Final = 4
FINISHED: Final = 5
INTERRUPTED: Final = 130


class CliError(Exception):
    """An error that ends a command with one line on stderr and an exit status.

    Attributes:
        status: The exit status.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(clean(message))
        self.status = status


def exit_status_of(error: BaseException) -> int:
    """Return the exit status of an error."""
    match error:
        case CliError():
            return error.status
        case ValidationError():
            return USAGE
        case QuotaWaitError() | ThrottledError():
            return QUOTA
        case OutcomeUnknownError():
            return PARTLY
        case ServerError() if _writes(error.endpoint):
            return PARTLY
        case _:
            return FAILED


def to_cli_error(error: CliqError) -> CliError:
    """Turn an error of the package into one with a message for people."""
    return CliError(describe(error), exit_status_of(error))


def describe(error: Exception) -> str:
    """Return the message of an error as one line, in the words of the command line."""
    return clean(_describe(error))


def _describe(error: Exception) -> str:
    match error:
        case ValidationError():
            return f"{error.field}: {describe_limit(error)}".removeprefix(": ")
        case QuotaWaitError() | ThrottledError():
            text = str(error).replace(utc_text(error.retry_at), moment(error.retry_at))
            return f"{in_cli_words(text)}; a longer --max-wait waits for it"
        case ServerError() if _writes(error.endpoint):
            return f"{error}; it may or may not have happened"
        case CliqError():
            return in_cli_words(str(error))
        case _:
            return str(error)


def describe_limit(error: ValidationError) -> str:
    """Return what is allowed and what was given, in the words of the command line."""
    limit, given = in_cli_words(error.limit), error.given
    if given is None:
        return f"{limit}; it is not given"
    shown = str(given).lower() if isinstance(given, bool) else repr(given)
    if isinstance(given, Unquoted) and (literal := _LITERAL.match(given)) is not None:
        shown = {"{": "an object", "[": "a list"}.get(literal[0], "another value")
    return f"{limit}, got {shown}" if shown else limit


_LITERAL: Final = re.compile(r"[\[{(<]|\w+\(")
"""The beginning of a value that is shown as Python writes it."""

_WORDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\ballow_unknown=True\b", "--allow-unknown"),
        (r"\bdata_center= or CLIQ_DATA_CENTER\b", "--data-center or CLIQ_DATA_CENTER"),
        (r"\bdata_center='(\w+)'", r"--data-center \1"),
        (r"\bquota='sqlite:///path' or CLIQ_QUOTA\b", "--quota sqlite:///path or CLIQ_QUOTA"),
        (r"\bquota=, --quota\b", "--quota"),
        (r"\bquota= or CLIQ_QUOTA\b", "--quota or CLIQ_QUOTA"),
        (
            r"\bcannot connect to ((?:localhost|127\.[\d.]+|\[::1\]):\d+): connection refused",
            r"nothing listens at \1; is `cliq sandbox` running?",
        ),
        (r"\S+= or CLIQ_BASE_URL\b", "--base-url or CLIQ_BASE_URL"),
        (r"(\S+)= and CLIQ_TIME_SCALE\b", r"\1"),
        (r"\bcheck base_url\b", "check --base-url or CLIQ_BASE_URL"),
        (r"\bmax_wait_s\b", "--max-wait"),
        (
            r"\b(raise|listed in|by) (max_response_bytes|allow_http|pace or max_rate)\b",
            r"\1 \2 of cliq.toml",
        ),
        (r"\ban ApiKey\b", "an API key"),
        (r"^a store, or ", ""),
        (r"\b(a|an) (non-empty )?str of (?=\d|at most)", ""),
        (r"\ba (non-empty )?str\b", r"a \1text"),
        (r"\ban int\b", "a whole number"),
        (r"\bTrue or False\b|\bTrue, False or None\b", "true or false"),
        (r"\bNone or '(\w+)'", r"\1"),
        (r",? or None\b", ""),
        (r"\bNone(?= (unless|if)\b|, since\b|:)", "left out"),
        (r"\ba mapping of str to str\b", "an object of texts"),
        (r"\ba (dict|mapping)\b", "an object"),
    )
)


def in_cli_words(text: str) -> str:
    """Replace Python's words, and names of the package's options, by those of the command line."""
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text


def _writes(endpoint: str) -> bool:
    from cliq_async.endpoints import ENDPOINTS  # noqa: PLC0415 - late: `cliq --help` needs no table

    return endpoint in ENDPOINTS and ENDPOINTS[endpoint].method != "GET"


_FIELD: Final = re.compile(r"(?P<row>row [\d,]+[^:]*: )?(?:[A-Z]\w*\.)?(?P<name>\w+)(?P<rest>.*)")
_ITEM: Final = re.compile(r"\[(\d+)\]")
_WORD: Final = re.compile(r"\b[a-z]+_[a-z_]+\b")
_KEY: Final = re.compile(r"\['(.*)'\]")


@contextmanager
def cli_field_names(**names: str) -> Iterator[None]:
    """Make a ValidationError of the body name an option or an argument, not a model's field.

    Args:
        **names: The options and arguments by the names of the fields. Other names are kept. An item
            of a list is counted from 1, and the key of a mapping follows the name.

    Raises:
        ValidationError: The body raised it.
    """
    try:
        yield
    except ValidationError as error:
        found = _FIELD.match(error.field)
        if found is None or found["name"] not in names:
            raise
        name, rest = names[found["name"]], found["rest"]
        if (item := _ITEM.match(rest)) is not None:
            name = f"{name} {int(item[1]) + 1}"
        elif (key := _KEY.match(rest)) is not None:
            name = f"{name} {key[1]}".strip()
        limit = _WORD.sub(lambda word: names.get(word[0], word[0]), error.limit)
        raise ValidationError(f"{found['row'] or ''}{name}", limit, error.given) from None
