"""Messages and calls out of rows: Jinja templates, in a sandbox.

Whoever writes the template is trusted no further than a template reaches; the rows are data alone.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cliq_async.errors import Unquoted, ValidationError
from cliq_async.models.call import Call
from cliq_async.models.message import Message
from cliq_async.models.parsing.call import call_from
from cliq_async.models.parsing.message import message_from

if TYPE_CHECKING:
    import jinja2

__all__ = ["CallTemplate", "MessageTemplate"]

T = TypeVar("T")
Row = Mapping[str, Any]
_Render = Callable[[Row], Any]

_MARKS: Final = ("{{", "{%", "{#")


class _Template(Generic[T]):
    """What somebody is sent, made out of a row."""

    def __init__(self, given: object, to: str, build: Callable[[Any], T]) -> None:
        self._to = to
        self._build = build
        plain = {"text": given} if isinstance(given, str) else given
        if not isinstance(plain, Mapping):
            raise ValidationError("template", "a str, or the plain form of the API", plain)
        try:
            self._render = _compiled(_environment(), plain)
        except RecursionError:
            raise ValidationError("template", "a flatter one", Unquoted("too deep")) from None

    def __call__(self, row: Row) -> tuple[str | int, T]:
        """The row's recipient, and what they are sent.

        Raises:
            ValidationError: A column is missing, or a limit is broken.
        """
        if not hasattr(row, "keys"):  # what databases give has that, and is not always a Mapping
            raise ValidationError("row", "a mapping from columns to values", row)
        given = {name: value for name, value in dict(row).items() if value is not None}
        if self._to not in row.keys():  # noqa: SIM118 - see above
            raise ValidationError("to", f"a column {self._to!r}", _columns(given))
        plain = self._render(given)
        try:
            return given.get(self._to, ""), self._build(plain)
        except ValidationError:
            raise
        except ValueError as error:
            raise ValidationError("template", "the form of the API", Unquoted(str(error))) from None


class MessageTemplate(_Template[Message]):
    """Makes a message out of a row, for `CliqClient.broadcast`.

    Its texts are Jinja templates over the row's columns, as `{{ name }}`; `{{ row["First name"] }}`
    if a column's name is no identifier. A column that the row does not have, or where it has None,
    is an error, unless the template says what to put there: `{{ name | default("colleague") }}`.

    Needs the extra `template`.

    Example:
        >>> template = MessageTemplate("Hello {{ name }}!")
        >>> template({"user_id": "55743307", "name": "Ann"})[1].text
        'Hello Ann!'

    Args:
        message: The text; or a message in the API's plain form, whose texts are templates.
        to: The column of the recipient's id.

    Raises:
        ValidationError: It is no template.
    """

    def __init__(self, message: str | Mapping[str, Any], *, to: str = "user_id") -> None:
        super().__init__(message, to, message_from)


class CallTemplate(_Template[Call]):
    """Makes a voice call out of a row, for `CliqClient.call_many`. See `MessageTemplate`.

    Example:
        >>> template = CallTemplate({"text": "{{ service }} is down", "retry": 2})
        >>> template({"user_id": "55743307", "service": "Payment"})[1].text
        'Payment is down'

    Args:
        call: The text; or a call in the API's plain form, without `user_ids`, whose texts are
            templates.
        to: The column of the recipient's id.

    Raises:
        ValidationError: It is no template.
    """

    def __init__(self, call: str | Mapping[str, Any], *, to: str = "user_id") -> None:
        super().__init__(call, to, call_from)


def _environment() -> "jinja2.Environment":
    # Imported in need: it comes with an extra.
    try:
        from jinja2 import StrictUndefined, Undefined  # noqa: PLC0415
        from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        what = "Jinja: `pip install 'cliq-async[template]'`"
        raise ValidationError("template", what, Unquoted("none")) from None
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, Undefined) else _shown(value),
    )
    environment.globals.clear()  # a column that is missing is none of Jinja's own
    del environment.filters["random"]  # the same row makes the same message, as a journal wants
    return environment


def _shown(value: object) -> object:
    if value is None or callable(value):
        raise ValueError("there is nothing to show" if value is None else "that is a function")
    return value


def _compiled(environment: "jinja2.Environment", plain: object) -> _Render:
    """What makes the same of a row, with its templates filled in."""
    if isinstance(plain, str):
        return _text(environment, plain) if any(mark in plain for mark in _MARKS) else _same(plain)
    if isinstance(plain, Mapping):
        parts = {key: _compiled(environment, value) for key, value in plain.items()}
        return lambda row: {key: render(row) for key, render in parts.items()}
    if isinstance(plain, list | tuple):
        items = [_compiled(environment, value) for value in plain]
        return lambda row: [render(row) for render in items]
    return _same(plain)


def _same(value: object) -> _Render:
    return lambda _row: value


def _text(environment: "jinja2.Environment", source: str) -> _Render:
    from jinja2 import TemplateSyntaxError, UndefinedError  # noqa: PLC0415

    try:
        template = environment.from_string(source)
    except TemplateSyntaxError as error:
        what = f"a Jinja template: line {error.lineno}: {error.message}"
        raise ValidationError("template", what, source) from None
    except Exception as error:
        what = f"a Jinja template ({type(error).__name__}: {error})"
        raise ValidationError("template", what, source) from error

    def render(row: Row) -> str:
        try:
            return template.render({**row, "row": row})
        except UndefinedError as error:
            what = f"columns that the row has ({error.message})"
            raise ValidationError("template", what, _columns(row)) from None
        except Exception as error:
            what = f"a template that can be filled in ({type(error).__name__}: {error})"
            raise ValidationError("template", what, source) from error

    return render


def _columns(row: Row) -> Unquoted:
    return Unquoted(", ".join(map(str, row)) or "none")
