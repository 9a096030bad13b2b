"""Contexts: the questions that an answer asks, put to a person one after the other.

Pure; times are seconds of the sandbox.
"""

from typing import Any, Final, Self

import attrs

__all__ = ["Context", "Contexts", "Question"]

_TIMEOUT_S: Final = 300
_CAPACITY: Final = 10_000

Key = tuple[str, str]


@attrs.frozen
class Question:
    """A question of a context.

    Attributes:
        name: The key of its answer.
        text: The question.
        suggestions: Texts to choose from, as the answer has them.
    """

    name: str
    text: str
    suggestions: tuple[dict[str, Any], ...] = ()


@attrs.define(eq=False)
class Context:
    """A running context.

    Attributes:
        id: Its id, chosen by the bot.
        questions: The questions that are still open; the first one is being asked.
        answers: The answers so far.
        ends_at: The time at which it ends without an event.
    """

    id: str
    questions: list[Question]
    answers: dict[str, dict[str, str]]
    ends_at: float

    @classmethod
    def start(cls, form: dict[str, Any], now: float) -> Self:
        """Start the context of a valid answer."""
        answers = {
            each["name"]: {"text": each["value"]["text"]}
            for each in form["params"]
            if "value" in each
        }
        questions = [
            Question(
                each["name"], each["question"], tuple(each.get("suggestions", {}).get("list", ()))
            )
            for each in form["params"]
            if each["name"] not in answers
        ]
        return cls(form["id"], questions, answers, now + form.get("timeout", _TIMEOUT_S))

    @property
    def question(self) -> Question | None:
        """The question that is being asked; None if all are answered."""
        return self.questions[0] if self.questions else None

    def answer(self, text: str) -> None:
        """Store the answer to the question that is being asked."""
        self.answers[self.questions.pop(0).name] = {"text": text}


class Contexts:
    """The running contexts, by chat and person."""

    def __init__(self) -> None:
        self._contexts: dict[Key, Context] = {}

    def start(self, key: Key, context: Context) -> None:
        """Start a context in place of the one that is running."""
        self._contexts.pop(key, None)
        while len(self._contexts) >= _CAPACITY:
            del self._contexts[next(iter(self._contexts))]
        self._contexts[key] = context

    def find(self, key: Key, now: float) -> Context | None:
        """Return the running context; None without one, or when its time is over."""
        context = self._contexts.get(key)
        if context is not None and context.ends_at <= now:
            del self._contexts[key]
            return None
        return context

    def end(self, key: Key) -> None:
        """End a context."""
        self._contexts.pop(key, None)
