"""The answers that handlers return, and their JSON."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

import attrs

from cliq_async.errors import Unquoted, ValidationError
from cliq_async.models import converters, validators
from cliq_async.models.message import Message, plain_text
from cliq_async.models.serialization import to_json, unstructure

__all__ = [
    "Answer",
    "Banner",
    "Edit",
    "Form",
    "Question",
    "Reply",
    "Suggestion",
    "encode_answer",
    "encode_nothing",
]

BannerStatus = Literal["success", "failure"]
View = Literal["navigation", "ephemeral", "popup"]
FormMode = Literal["kiosk", "classic"]

_NAME_CHARS: Final = 50
_VERSION: Final = 1


def _success() -> BannerStatus:
    return "success"


def _as_message(value: Message | str) -> Message:
    return Message(value) if isinstance(value, str) else value


def _as_suggestions(value: Any) -> "tuple[Suggestion, ...]":
    items = converters.as_tuple(value)
    return tuple(Suggestion(item) if isinstance(item, str) else item for item in items)


def _as_questions(value: Any) -> "tuple[Question, ...]":
    return converters.as_tuple(value)


def _as_inputs(value: Any) -> tuple[Mapping[str, Any], ...]:
    return converters.as_tuple(value)


def _check_timeout(_model: object, _attribute: Any, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not value >= 1:  # type: ignore[operator]
        raise ValidationError("Reply.timeout_s", "at least 1", value)


def _check_inputs(_model: object, _attribute: Any, value: tuple[object, ...]) -> None:
    validators.check_count("Form.inputs", value, 1, None, "inputs")
    for index, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise ValidationError(f"Form.inputs[{index}]", "a dict", item)


_IS_MESSAGE: Final = validators.instance(Message, "a Message or a str")


@attrs.frozen
class Suggestion:
    """A text that the user may choose instead of writing it.

    Attributes:
        text: At least one character.
        icon: As in menus, such as `wand/627282`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    text: str = attrs.field(validator=validators.str_length(1))
    icon: str = attrs.field(default="", kw_only=True, validator=validators.str_length())


@attrs.frozen
class Question:
    """A question of a context. Cliq asks one after the other and then calls the context's handler.

    Example:
        >>> question = Question("kind", "Is it paid leave?", ["yes", "no"])

    Attributes:
        name: The key of its answer in `ContextEvent.answers`.
        text: The question.
        suggestions: Texts or `Suggestion` objects to choose from.
        value: An answer that is known already.

    Raises:
        ValidationError: A field breaks its limit.
    """

    name: str = attrs.field(validator=validators.str_length(1))
    text: str = attrs.field(validator=validators.str_length(1))
    suggestions: tuple[Suggestion, ...] = attrs.field(
        default=(),
        converter=_as_suggestions,
        validator=validators.instances(Suggestion, 0, None, "suggestions"),
    )
    value: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(0, optional=True)
    )


@attrs.frozen
class Reply:
    """A message with suggestions, with questions, or shown in a special way.

    Example:
        >>> reply = Reply("Let us see.", ask=[Question("from", "From when?")], context="leave")

    Attributes:
        message: A message or its text.
        suggestions: Texts or `Suggestion` objects to choose from.
        ask: Questions; their answers go to the handler `bot.context(context)`.
        context: The context's id; required with questions.
        timeout_s: How long Cliq waits for the answers, in seconds.
        view: `navigation`, `ephemeral` or `popup`; None for a usual message.

    Raises:
        ValidationError: A field breaks its limit.
    """

    message: Message = attrs.field(converter=_as_message, validator=_IS_MESSAGE)
    suggestions: tuple[Suggestion, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_as_suggestions,
        validator=validators.instances(Suggestion, 0, None, "suggestions"),
    )
    ask: tuple[Question, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_as_questions,
        validator=validators.instances(Question, 0, None, "questions"),
    )
    context: str = attrs.field(default="", kw_only=True, validator=validators.str_length())
    timeout_s: float = attrs.field(default=300.0, kw_only=True, validator=_check_timeout)
    view: View | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(View))
    )

    def __attrs_post_init__(self) -> None:
        if self.ask and not self.context:
            raise ValidationError("Reply.context", "an id for the questions", Unquoted("none"))
        if self.context and not self.ask:
            raise ValidationError("Reply.ask", "at least one question in a context", 0)


@attrs.frozen
class Banner:
    """A short note at the edge of the window.

    Attributes:
        text: At least one character.
        status: `success` or `failure`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    text: str = attrs.field(validator=validators.str_length(1))
    status: BannerStatus = attrs.field(
        factory=_success, kw_only=True, validator=validators.one_of(*get_args(BannerStatus))
    )


@attrs.frozen
class Form:
    """A form to fill in. Its values go to a function, and so to `bot.form(function)`.

    Example:
        >>> form = Form(
        ...     "Leave",
        ...     name="leave",
        ...     inputs=[{"type": "text", "name": "from", "label": "From", "mandatory": True}],
        ...     function="bookleave",
        ... )

    Attributes:
        title: At least one character.
        name: The form's name, 1 to 50 characters.
        inputs: The fields, as Cliq documents them.
        function: The function that gets the values.
        hint: Shown below the title.
        button_label: The label of the button that submits it.
        mode: `kiosk` or `classic`.
        extra: Other fields of the form, such as `actions` and `trigger_on_cancel`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    title: str = attrs.field(validator=validators.str_length(1))
    name: str = attrs.field(kw_only=True, validator=validators.str_length(1, _NAME_CHARS))
    inputs: tuple[Mapping[str, Any], ...] = attrs.field(
        kw_only=True, converter=_as_inputs, validator=_check_inputs
    )
    function: str = attrs.field(kw_only=True, validator=validators.str_length(1))
    hint: str = attrs.field(default="", kw_only=True, validator=validators.str_length())
    button_label: str = attrs.field(default="", kw_only=True, validator=validators.str_length())
    mode: FormMode | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(FormMode))
    )
    extra: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True)


@attrs.frozen
class Edit:
    """A new content for the message whose button was pressed, or which led to the form.

    Attributes:
        message: A message with a text, or the text alone.

    Raises:
        ValidationError: The message has no text.
    """

    message: Message = attrs.field(converter=_as_message, validator=_IS_MESSAGE)

    def __attrs_post_init__(self) -> None:
        if not self.message.text:
            raise ValidationError("Edit.message", "a message with a text", Unquoted("none"))


Answer = str | Message | Reply | Banner | Form | Edit | None
"""An answer of a handler; None and an empty text answer nothing."""


def encode_answer(answer: Answer) -> bytes | None:
    """Encode an answer as the body of a response; None if there is no answer.

    Raises:
        TypeError: It is not an answer.
        ValidationError: A text breaks the limits of messages.
    """
    if answer is None or answer == "":
        return None
    return to_json({"output": _plain(answer)})


def encode_nothing(answer: None) -> None:
    """Check the answer of a handler whose answers have nowhere to go.

    Raises:
        TypeError: There is one.
    """
    if answer is not None:
        raise TypeError("the handler of calls returned an answer, which has nowhere to go")


def _plain(answer: object) -> dict[str, Any]:
    match answer:
        case str():
            return plain_text(answer)
        case Message():
            return unstructure(answer)
        case Reply():
            return _plain_reply(answer)
        case Banner():
            return {"type": "banner", "text": answer.text, "status": answer.status}
        case Form():
            return _plain_form(answer)
        case Edit():
            return {"type": "message_edit"} | unstructure(answer.message)
    raise TypeError(
        f"a handler returned {type(answer).__name__}, which is not an answer: "
        "return a str, Message, Reply, Banner, Form, Edit or None"
    )


def _plain_suggestions(suggestions: Iterable[Suggestion]) -> dict[str, Any]:
    listed = [
        {"text": each.text} | ({"icon": each.icon} if each.icon else {}) for each in suggestions
    ]
    return {"suggestions": {"list": listed}} if listed else {}


def _plain_question(question: Question) -> dict[str, Any]:
    value = {} if question.value is None else {"value": {"text": question.value}}
    plain = {"name": question.name, "question": question.text}
    return plain | value | _plain_suggestions(question.suggestions)


def _plain_reply(reply: Reply) -> dict[str, Any]:
    plain = unstructure(reply.message) | _plain_suggestions(reply.suggestions)
    if reply.ask:
        plain["context"] = {
            "id": reply.context,
            "timeout": int(reply.timeout_s),
            "params": [_plain_question(each) for each in reply.ask],
        }
    return plain | ({"view": reply.view} if reply.view else {})


def _plain_form(form: Form) -> dict[str, Any]:
    optional = {"hint": form.hint, "button_label": form.button_label, "mode": form.mode}
    return {
        "type": "form",
        "title": form.title,
        "name": form.name,
        "version": _VERSION,
        "inputs": [dict(each) for each in form.inputs],
        "action": {"type": "invoke.function", "name": form.function},
        **{name: value for name, value in optional.items() if value},
        **form.extra,
    }
