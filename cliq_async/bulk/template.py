"""Messages and calls from rows: Jinja templates, rendered in a sandbox.

The template cannot reach anything but the row; the values of the row are never evaluated.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cliq_async.errors import NOTHING, Unquoted, ValidationError, abbreviate
from cliq_async.models.call import Call
from cliq_async.models.message import Message
from cliq_async.models.parsing.call import call_from
from cliq_async.models.parsing.message import message_from

if TYPE_CHECKING:
    from cliq_async.bulk.template_environment import LimitedEnvironment

__all__ = ["CallTemplate", "MessageTemplate"]

T = TypeVar("T")
Row = Mapping[str, Any]
_Render = Callable[[Row], Any]

_JINJA_MARKERS: Final = ("{{", "{%", "{#")


class _Template(Generic[T]):
    """A function that builds a row's recipient and content from a template."""

    def __init__(
        self, template: object, to: str, build: Callable[..., T], *, allow_unknown: bool
    ) -> None:
        self._template = template
        self._to = to
        self._build = build
        self._allow_unknown = allow_unknown
        plain = {"text": template} if isinstance(template, str) else template
        if not isinstance(plain, Mapping):
            raise ValidationError("template", "a str, or a mapping in the form of the API", plain)
        try:
            self._render = _compile(_environment(), plain)
        except RecursionError:
            raise ValidationError(
                "template", "less deeply nested", Unquoted("too many levels")
            ) from None

    def __repr__(self) -> str:
        """Return the beginning of the template, and the column with the recipient's id."""
        return f"{type(self).__name__}({abbreviate(self._template)!r}, to={self._to!r})"

    def __call__(self, row: Row) -> tuple[str | int, T]:
        """Return the row's recipient and their content.

        Raises:
            ValidationError: A column is missing, or a limit is broken.
        """
        if not hasattr(row, "keys"):  # rows of databases have keys, but need not be Mappings
            raise ValidationError("row", "a mapping from columns to values", row)
        columns = {name: value for name, value in dict(row).items() if value is not None}
        if self._to not in row.keys():  # noqa: SIM118 - see above
            limit = f"one of the row's columns {_column_names(columns)}"
            raise ValidationError("to", limit, self._to)
        plain = self._render(columns)
        return columns.get(self._to, ""), self._build(plain, allow_unknown=self._allow_unknown)


class MessageTemplate(_Template[Message]):
    """A template that builds a message from a row, for `CliqClient.broadcast`.

    Its texts are Jinja templates over the row's columns, as `{{ name }}`, or
    `{{ row["First name"] }}` if a column's name is not an identifier. A column that is missing or
    None is an error, unless the template has a default: `{{ name | default("colleague") }}`. A
    template that needs more than 10,000,000 characters or 20,000 steps for a text is an error.

    Requires the extra `template`.

    Example:
        >>> template = MessageTemplate("Hello {{ name }}!")
        >>> template({"user_id": "55743307", "name": "Ann"})[1].text
        'Hello Ann!'

    Args:
        message: The text, or a message in the form of the API, whose texts are templates.
        to: The column with the recipient's id.
        allow_unknown: Send fields that a message does not have as they are, in `Message.extra`.

    Raises:
        ValidationError: `message` is not a valid template.
    """

    def __init__(
        self,
        message: str | Mapping[str, Any],
        *,
        to: str = "user_id",
        allow_unknown: bool = False,
    ) -> None:
        super().__init__(message, to, message_from, allow_unknown=allow_unknown)


class CallTemplate(_Template[Call]):
    """A template that builds a voice call from a row, for `CliqClient.call_many`.

    See `MessageTemplate`.

    Example:
        >>> template = CallTemplate({"text": "{{ service }} is down", "retry": 2})
        >>> template({"user_id": "55743307", "service": "Payment"})[1].text
        'Payment is down'

    Args:
        call: The text, or a call in the form of the API without `user_ids`, whose texts are
            templates.
        to: The column with the recipient's id.
        allow_unknown: Send fields that a call does not have as they are, in `Call.extra`.

    Raises:
        ValidationError: `call` is not a valid template.
    """

    def __init__(
        self, call: str | Mapping[str, Any], *, to: str = "user_id", allow_unknown: bool = False
    ) -> None:
        super().__init__(call, to, call_from, allow_unknown=allow_unknown)


def _environment() -> "LimitedEnvironment":
    # Imported when needed: Jinja comes with an extra.
    try:
        from cliq_async.bulk.template_environment import LimitedEnvironment  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        limit = "Jinja: `pip install 'cliq-async[template]'`"
        raise ValidationError("template", limit, Unquoted("none")) from None
    return LimitedEnvironment(_finalize)


def _finalize(value: object) -> object:
    if value is None or callable(value):
        raise ValueError("the value is None" if value is None else "the value is a function")
    return value


def _compile(environment: "LimitedEnvironment", plain: object) -> _Render:
    """Compile a value to a function that fills in its templates from a row."""
    if isinstance(plain, str):
        return (
            _compile_text(environment, plain)
            if any(mark in plain for mark in _JINJA_MARKERS)
            else _constant(plain)
        )
    if isinstance(plain, Mapping):
        parts = {key: _compile(environment, value) for key, value in plain.items()}
        return lambda row: {key: render(row) for key, render in parts.items()}
    if isinstance(plain, list | tuple):
        items = [_compile(environment, value) for value in plain]
        return lambda row: [render(row) for render in items]
    return _constant(plain)


def _constant(value: object) -> _Render:
    return lambda _row: value


def _compile_text(environment: "LimitedEnvironment", source: str) -> _Render:
    from jinja2 import TemplateSyntaxError, UndefinedError  # noqa: PLC0415

    from cliq_async.bulk.template_environment import LIMIT, TooExpensiveError  # noqa: PLC0415

    try:
        template = environment.compile_text(source)
    except TemplateSyntaxError as error:
        reason = (error.message or "").removesuffix(".")
        limit = f"not a Jinja template: line {error.lineno}: {reason}"
        raise ValidationError("template", limit, NOTHING) from None
    except Exception as error:
        limit = f"not a Jinja template: {type(error).__name__}: {error}"
        raise ValidationError("template", limit, NOTHING) from error

    def render(row: Row) -> str:
        try:
            return environment.fill_in(template, {**row, "row": row})
        except TooExpensiveError:
            raise ValidationError("template", LIMIT, source) from None
        except UndefinedError as error:
            limit = f"{error.message}; the row's columns are {_column_names(row)}"
            raise ValidationError("template", limit, NOTHING) from None
        except Exception as error:
            limit = f"a template that can be filled in ({type(error).__name__}: {error})"
            raise ValidationError("template", limit, source) from error

    return render


def _column_names(row: Row) -> Unquoted:
    return Unquoted(", ".join(map(str, row)) or "none")
