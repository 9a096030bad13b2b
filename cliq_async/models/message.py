"""Messages that a bot sends. The recipients are arguments of the method that sends a message."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

import attrs

from cliq_async.errors import Unquoted, ValidationError, abbreviate
from cliq_async.models import converters, validators
from cliq_async.models.base import Model
from cliq_async.models.button import Button
from cliq_async.models.card import Card, Prompt
from cliq_async.models.extra import NO_EXTRA, Unknown, as_json_object, check_extra
from cliq_async.models.slide import Slide

__all__ = ["Message", "Sender", "SentMessage", "Styles", "plain_text"]

Background = Literal["red", "yellow", "green", "blue", "grey"]

_TEXT_CHARS: Final = 5_000
_SLIDES_CHARS: Final = 10_000
_CONTENT: Final = frozenset({"text", "card", "slides"})


@attrs.frozen
class Sender(Model):
    """A different sender name or avatar for one message; at least one is required.

    Attributes:
        name: At least one character.
        image: An HTTPS URL.

    Raises:
        ValidationError: A field breaks its limit, or both are None.
    """

    name: str | None = attrs.field(default=None, validator=validators.str_length(1, optional=True))
    image: str | None = attrs.field(default=None, kw_only=True, validator=validators.https_url)

    def __attrs_post_init__(self) -> None:
        if self.name is None and self.image is None:
            raise ValidationError("Sender", "a name or an image", Unquoted("neither"))


@attrs.frozen
class Styles(Model):
    """The style of a message.

    Attributes:
        background: `red`, `yellow`, `green`, `blue` or `grey`.
        markdown: True if the text is Markdown.

    Raises:
        ValidationError: A field breaks its limit.
    """

    background: Background | None = attrs.field(
        default=None, validator=validators.one_of(*get_args(Background))
    )
    markdown: bool | None = attrs.field(default=None, kw_only=True, validator=validators.is_bool)


_UNSTYLED: Final = Styles()


def _slides(value: Slide | Iterable[Slide] | None) -> tuple[Slide, ...]:
    return converters.as_tuple(value)


def _buttons(value: Button | Iterable[Button] | None) -> tuple[Button, ...]:
    return converters.as_tuple(value)


def _styles(value: Styles | None) -> Styles | None:
    return None if value == _UNSTYLED else value


def _references(value: Mapping[str, Button] | Mapping[int, Button] | None) -> dict[str, Button]:
    # A value of another type goes to the validator unchanged.
    if value is None or isinstance(value, Mapping):
        return {converters.as_text(key): button for key, button in (value or {}).items()}
    return value


def _check_references(_message: "Message", _attribute: object, value: object) -> None:
    if not isinstance(value, dict):
        raise ValidationError("Message.references", "a mapping from key to Button", value)
    for key, button in value.items():
        validators.check_text("Message.references", key, 1)
        if not isinstance(button, Button):
            raise ValidationError(f"Message.references[{abbreviate(key)!r}]", "a Button", button)


@attrs.frozen
class Message(Model):
    """A message; at least one of text, card and slides.

    None and empty fields are left out of the request. Lengths are Unicode code points.

    Example:
        >>> message = Message("Disk full on [db-1]($1)", references={
        ...     "1": Button("Open", action=OpenUrl("https://example.com/db-1")),
        ... })

    Attributes:
        text: 1 to 5,000 characters.
        card: `ModernInline`, `Poll` or `Prompt`; a `Prompt` needs a button.
        slides: At most 20, of 10,000 characters in all (titles and the keys of rows included, but
            not buttons).
        buttons: At most 5.
        bot: A different name and avatar for the sender.
        styles: Background and Markdown.
        references: Buttons inside the text: `[Label]($1)` in the text, `{"1": Button(…)}` here.
        reply_to: The id of a message, at most 100 characters.
        message_topic: The title of a thread made from this message, at most 255 characters.
        thread_chat_id: The thread to post in, at most 100 characters.
        thread_message_id: The message whose thread to post in.
        thread_title: At most 100 characters.
        post_in_parent: True to also post a message in a thread to its parent chat.
        notify_edit: True to notify recipients when the message is edited.
        mark_as_read: True to mark the message as read for its recipients.
        sync_message: True to have Cliq respond only after delivery; the response then includes
            `chat_id` and `message_id`.
        extra: Further fields of the message in the API's form, sent as they are and at your own
            risk. They replace fields of the same name, and must not choose recipients.

    Raises:
        ValidationError: A field breaks its limit.
    """

    text: str | None = attrs.field(
        default=None, validator=validators.str_length(1, _TEXT_CHARS, optional=True)
    )
    card: Card | None = attrs.field(
        default=None,
        kw_only=True,
        validator=validators.instance(Card, "a card or None", optional=True),
    )
    slides: tuple[Slide, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_slides,
        validator=validators.instances(Slide, 0, 20, "slides"),
    )
    buttons: tuple[Button, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_buttons,
        validator=validators.instances(Button, 0, 5, "buttons"),
    )
    bot: Sender | None = attrs.field(
        default=None,
        kw_only=True,
        validator=validators.instance(Sender, "a Sender or None", optional=True),
    )
    styles: Styles | None = attrs.field(
        default=None,
        kw_only=True,
        converter=_styles,
        validator=validators.instance(Styles, "Styles or None", optional=True),
    )
    references: dict[str, Button] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=_references,
        validator=_check_references,
        hash=False,  # a dict is not hashable
    )
    reply_to: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, 100, optional=True)
    )
    message_topic: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, 255, optional=True)
    )
    thread_chat_id: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, 100, optional=True)
    )
    thread_message_id: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, optional=True)
    )
    thread_title: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, 100, optional=True)
    )
    post_in_parent: bool | None = attrs.field(
        default=None, kw_only=True, validator=validators.is_bool
    )
    notify_edit: bool | None = attrs.field(default=None, kw_only=True, validator=validators.is_bool)
    mark_as_read: bool | None = attrs.field(
        default=None, kw_only=True, validator=validators.is_bool
    )
    sync_message: bool | None = attrs.field(
        default=None, kw_only=True, validator=validators.is_bool
    )

    extra: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_extra,
        hash=False,  # a dict is not hashable
    )

    def __attrs_post_init__(self) -> None:
        given = self.text is not None or self.card is not None or self.slides
        if not given and _CONTENT.isdisjoint(self.extra):
            raise ValidationError(
                "Message.text", "at least one of text, card and slides", Unquoted("none")
            )
        if isinstance(self.card, Prompt) and not self._has_buttons(self.card):
            raise ValidationError("Message.buttons", "at least one with a Prompt card", 0)
        if self.slides:
            size = sum(slide.size for slide in self.slides)
            if size > _SLIDES_CHARS:
                raise ValidationError(
                    "Message.slides", f"at most {_SLIDES_CHARS} characters in all", size
                )

    def _has_buttons(self, card: Card) -> bool:
        return bool(self.buttons or self.extra.get("buttons") or card.extra.get("buttons"))


def plain_text(text: str) -> dict[str, Any]:
    """Return the plain data of `Message(text)` at a tenth of the cost.

    Raises:
        ValidationError: The text breaks the limits of `Message`.
    """
    return {"text": validators.check_text("Message.text", text, 1, _TEXT_CHARS)}


@attrs.frozen(kw_only=True)
class SentMessage(Model):
    """Cliq's response to a message that it accepted.

    Attributes:
        chat_id: The chat that received it; only with `sync_message`.
        message_id: Its id; only with `sync_message`. Ids are as they came, which may be
            URL-encoded: `reply_to` and `thread_message_id` take them so.
        by_user: The same ids for each recipient by ZUID, if Cliq reports them; the two above are
            then those of one recipient.
        unreached: The ZUIDs among the recipients whom that leaves out; Cliq did not reach them.
        extra: All other fields of the response, unchanged. Where the live service has the ids for
            each recipient, they include those as they came, as `message_details`.
    """

    chat_id: str | None = None
    message_id: str | None = None
    by_user: dict[str, "SentMessage"] = attrs.field(factory=dict)
    unreached: tuple[str, ...] = ()
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)


attrs.resolve_types(SentMessage)  # the class refers to itself
