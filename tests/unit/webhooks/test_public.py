"""The public names of the package, and what importing it costs others."""

import inspect

import cliq_async.webhooks as package

NAMES = """
    Answer AnswerLostDetails Attachment Banner ButtonEvent CallEvent ContextEvent Edit Event
    EventChat EventFailedDetails EventUser Form FormEvent HttpAnswer IncomingEvent Location Member
    Mention MentionEvent MenuEvent MessageEvent ParticipationEvent Question RecentMessage
    RepliedMessage Reply Suggestion WebhookBot WebhookHooks WelcomeEvent
"""
METHODS = {
    "aiohttp": "request",
    "button": "function",
    "call": "handler=None, *, permissions=None",
    "close": "",
    "context": "context, *, permissions=None",
    "create_task": "coroutine",
    "form": "function, *, action='submit'",
    "handlers": "",
    "incoming": "handler=None, *, permissions=None",
    "mention": "handler=None, *, permissions=None",
    "menu": "name, *, icon=None, sub_actions=(), permissions=None",
    "message": "handler=None, *, permissions=None",
    "participation": "handler=None, *, permissions=None",
    "receive": "body, signature, *, is_gone=None",
    "running": "_app",
    "welcome": "handler=None, *, permissions=None",
}
OPTIONS = "public_key, *, client=None, cliq_waits_s=15.0, max_age_s=300.0, max_body=1048576, "
OPTIONS += "max_in_flight=1000, drain_s=30.0, time_scale=None, hooks=None, response_hosts=(), "
OPTIONS += "transport=None"


def arguments(function):
    found = inspect.signature(function)
    own = [
        each.replace(annotation=each.empty)
        for each in found.parameters.values()
        if each.name != "self"
    ]
    return str(found.replace(parameters=own, return_annotation=found.empty))[1:-1]


def test_public_names_are_these():
    assert package.__all__ == NAMES.split()
    assert all(getattr(package, name).__doc__ for name in package.__all__)


def test_public_signatures_are_these():
    bot = package.WebhookBot
    methods = {
        name: arguments(method)
        for name, method in inspect.getmembers(bot, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods == METHODS
    assert arguments(bot) == OPTIONS
