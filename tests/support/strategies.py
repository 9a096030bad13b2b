"""Hypothesis strategies for valid models."""

from typing import Any

from hypothesis import strategies as st

from cliq_async.models import (
    BotChanges,
    BulletList,
    Button,
    Call,
    CallAction,
    Confirm,
    CopyText,
    FunctionChanges,
    FunctionHandlerChanges,
    Graph,
    HandlerChanges,
    Images,
    InvokeFunction,
    Labels,
    Message,
    ModernInline,
    NewBot,
    NewFunction,
    NewFunctionHandler,
    NewHandler,
    OpenUrl,
    PercentageChart,
    Poll,
    PreviewUrl,
    Prompt,
    Section,
    Sender,
    Styles,
    SubAction,
    SystemApi,
    Table,
    TextBlock,
)
from cliq_async.models.function import FUNCTION_HANDLER_TYPES, FUNCTION_PERMISSIONS
from cliq_async.models.handler import HANDLER_TYPES, PERMISSIONS


def words(low: int, high: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), min_size=low, max_size=high)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def build_or_none(build: Any) -> Any:
    """Return a function that builds a model, or returns None if the fields do not fit together."""

    def attempt(fields: dict[str, Any]) -> Any:
        try:
            return build(**fields)
        except ValueError:
            return None

    return attempt


FLAG = maybe(st.booleans())
TITLES = words(0, 30)
HTTPS = st.from_regex(r"\Ahttps://[a-z.]{1,20}/?\Z")
URLS = st.sampled_from(["http://a", "https://b/c?d#e", "tel:+1", "sms:1", "sip:a@b.c", "HTTP://x"])
CONFIRMS = st.builds(
    Confirm,
    words(1, 100),
    input=words(1, 300),
    button_label=words(1, 100),
    description=words(0, 100),
    emotion=maybe(st.sampled_from(["positive", "neutral", "negative"])),
    cancel_button_label=words(0, 100),
    mandatory=FLAG | st.sampled_from(["true", "false"]),
)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(-1e9, 1e9)
ARGUMENTS = st.dictionaries(
    words(1, 9), NUMBERS | words(0, 9) | FLAG | st.lists(words(0, 3), max_size=2), max_size=3
)


def actions(confirm: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(CopyText, words(1, 200), confirm=confirm),
        st.builds(PreviewUrl, words(1, 500), confirm=confirm),
        st.builds(InvokeFunction, words(1, 20), owner=maybe(words(1, 20)), confirm=confirm),
        st.builds(
            SystemApi,
            st.from_regex(r"\A(audiocall|videocall|startchat|invite)/[0-9]{1,20}\Z")
            | st.just("locationpermission"),
            confirm=confirm,
        ),
        st.builds(
            OpenUrl,
            URLS,
            ios=maybe(words(1, 256)),
            windows=maybe(words(1, 256)),
            android=maybe(words(1, 256)),
            confirm=confirm,
        ),
    )


BUTTONS = st.builds(
    Button,
    words(1, 20),
    action=actions(maybe(CONFIRMS)),
    hint=words(0, 100),
    key=words(0, 100),
    type=maybe(st.sampled_from(["+", "-"])),
    arguments=ARGUMENTS,
)
SLIDE_BUTTONS = st.lists(
    st.builds(Button, words(1, 20), action=st.builds(CopyText, words(1, 9))), max_size=2
)
WIDTHS = {1: [100], 2: [30, 70], 3: [20, 30, 50], 4: [25, 25, 25, 25], 5: [20] * 5}
TABLES = st.dictionaries(words(0, 9), words(0, 9), min_size=1, max_size=5).flatmap(
    lambda row: st.builds(
        Table,
        st.just(list(row)),
        rows=st.just([row, {}]),
        widths=st.sampled_from([(), WIDTHS[len(row)]]),
        sticky_rows=maybe(st.integers(0, 2)),
        sticky_columns=maybe(st.integers(0, 2)),
        title=TITLES,
        buttons=SLIDE_BUTTONS,
    )
)
POINTS = st.dictionaries(words(0, 20), NUMBERS, min_size=1, max_size=5)
SLIDES = st.one_of(
    st.builds(TextBlock, words(1, 50), title=TITLES),
    st.builds(
        BulletList,
        st.lists(words(0, 20), min_size=1, max_size=5),
        title=TITLES,
        style=maybe(st.sampled_from(["disc", "lower-roman"])),
    ),
    st.builds(
        Labels,
        st.dictionaries(words(0, 9), words(0, 9), min_size=1, max_size=5),
        keyed=st.booleans(),
    ),
    st.builds(
        PercentageChart,
        POINTS,
        preview=maybe(st.sampled_from(["pie", "doughnut", "semi_doughnut"])),
        buttons=SLIDE_BUTTONS,
    ),
    st.builds(
        Graph,
        st.dictionaries(words(0, 20), POINTS, min_size=1, max_size=5),
        preview=maybe(st.sampled_from(["vertical_bar", "vertical_stacked_bar", "trend"])),
        x_axis=words(0, 20),
        y_axis=words(0, 20),
        title=TITLES,
    ),
    st.builds(Images, st.lists(HTTPS, min_size=1, max_size=3)),
    TABLES,
)
CARDS = st.one_of(
    st.builds(Poll, words(0, 200), options=st.lists(words(1, 100), min_size=2, max_size=10)),
    st.builds(
        ModernInline,
        words(0, 200),
        thumbnail=maybe(HTTPS),
        sections=st.lists(
            st.builds(Section, st.dictionaries(TITLES, TITLES, min_size=1, max_size=3)),
            max_size=3,
        ),
    ),
)
MESSAGES = st.builds(
    Message,
    words(1, 100),
    card=maybe(CARDS),
    slides=st.lists(SLIDES, max_size=4),
    buttons=st.lists(BUTTONS, max_size=5),
    references=st.dictionaries(words(1, 3), BUTTONS, max_size=2),
    bot=maybe(st.builds(Sender, words(1, 20), image=maybe(HTTPS))),
    styles=maybe(
        st.builds(
            Styles,
            maybe(st.sampled_from(["red", "yellow", "green", "blue", "grey"])),
            markdown=FLAG,
        )
    ),
    message_topic=maybe(words(1, 255)),
    thread_title=maybe(words(1, 100)),
    post_in_parent=FLAG,
    notify_edit=FLAG,
    mark_as_read=FLAG,
    sync_message=FLAG,
) | st.builds(Message, card=st.builds(Prompt, words(0, 200)), buttons=BUTTONS)

DESCRIBED: dict[str, st.SearchStrategy[Any]] = {
    "scope": maybe(st.sampled_from(["organization", "team", "personal"])),
    "team_ids": maybe(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=4)),
    "status_messages": maybe(st.lists(words(1, 50), max_size=10)),
    "channel_participation": maybe(
        st.lists(
            st.sampled_from(["listen_message", "send_message", "auto_follow_thread"]), max_size=3
        )
    ),
    "calls": maybe(st.sampled_from(["enabled", "disabled"])),
    "image": maybe(words(1, 50)),
    "execution_url": maybe(st.sampled_from(["https://example.com/cliq", "http://a"])),
}
NEW_BOTS = (
    st.fixed_dictionaries(
        {
            "name": words(1, 20),
            "description": words(1, 300),
            "execution_type": maybe(st.sampled_from(["deluge", "webhook"])),
        }
        | DESCRIBED
    )
    .map(build_or_none(NewBot))
    .filter(bool)
)
BOT_CHANGES = (
    st.fixed_dictionaries(
        {"name": maybe(words(1, 20)), "description": maybe(words(1, 300))} | DESCRIBED
    )
    .map(build_or_none(BotChanges))
    .filter(bool)
)
ICONS = st.from_regex(r"\A[a-z_-]{1,10}/[0-9A-Fa-f]{3,8}\Z")
SUB_ACTIONS = st.builds(SubAction, words(1, 15), icon=ICONS | st.just(""))
MENU: dict[str, st.SearchStrategy[Any]] = {
    "icon": maybe(ICONS),
    "sub_actions": maybe(st.lists(SUB_ACTIONS, max_size=5)),
}


def permissions(kind: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(PERMISSIONS[kind]), unique=True, max_size=5)


def _new_handlers(kind: str) -> st.SearchStrategy[NewHandler]:
    logic = st.fixed_dictionaries({"script": words(1, 100)}) | st.fixed_dictionaries(
        {"permissions": permissions(kind)}
    )
    menu: st.SearchStrategy[dict[str, Any]] = st.just({})
    if kind == "menu_handler":
        menu = st.fixed_dictionaries({"name": words(1, 15)} | MENU)
    build: Any = NewHandler
    return st.tuples(logic, menu).map(lambda each: build(kind, **each[0], **each[1]))


def _changes(kind: str) -> st.SearchStrategy[tuple[str, HandlerChanges]]:
    fields: dict[str, st.SearchStrategy[Any]] = {"script": words(1, 100)}
    fields["permissions"] = permissions(kind)
    if kind == "menu_handler":
        fields |= {"name": words(1, 15)} | MENU
    return (
        st.fixed_dictionaries({}, optional=fields)
        .map(build_or_none(HandlerChanges))
        .filter(bool)
        .map(lambda changes: (kind, changes))
    )


FUNCTION_URLS = maybe(st.sampled_from(["https://example.com/cliq", "http://" + "a" * 218]))
NEW_FUNCTIONS = (
    st.fixed_dictionaries(
        {
            "name": words(1, 30),
            "description": words(1, 300),
            "function_type": st.sampled_from(["button", "form", "widget_button"]),
            "execution_type": maybe(st.sampled_from(["deluge", "webhook"])),
            "execution_url": FUNCTION_URLS,
        }
    )
    .map(build_or_none(NewFunction))
    .filter(bool)
)
FUNCTION_CHANGES = (
    st.fixed_dictionaries(
        {
            "name": maybe(words(1, 30)),
            "description": maybe(words(1, 300)),
            "execution_url": FUNCTION_URLS,
        }
    )
    .map(build_or_none(FunctionChanges))
    .filter(bool)
)


def function_logic(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.lists(st.sampled_from(FUNCTION_PERMISSIONS[kind]), unique=True)
    return st.fixed_dictionaries({"script": words(1, 100)}) | st.fixed_dictionaries(
        {"permissions": names}
    )


NEW_FUNCTION_HANDLERS = st.sampled_from(FUNCTION_HANDLER_TYPES).flatmap(
    lambda kind: function_logic(kind).map(lambda logic: NewFunctionHandler(kind, **logic))
)
FUNCTION_HANDLER_CHANGES = st.sampled_from(FUNCTION_HANDLER_TYPES).flatmap(
    lambda kind: function_logic(kind).map(lambda logic: (kind, FunctionHandlerChanges(**logic)))
)
NEW_HANDLERS = st.sampled_from(HANDLER_TYPES).flatmap(_new_handlers)
HANDLER_CHANGES = st.sampled_from(HANDLER_TYPES).flatmap(_changes)
CALLS = st.builds(
    Call,
    words(1, 500),
    user_ids=maybe(
        st.lists(
            st.from_regex(r"\A([0-9]{1,20}|[a-z0-9.]{1,9}@[a-z0-9.]{1,9})\Z"),
            min_size=1,
            max_size=10,
        )
    ),
    retry=maybe(st.integers(0, 3)),
    loop=maybe(st.integers(1, 3)),
    actions=st.lists(
        st.builds(
            CallAction,
            words(1, 20),
            action=actions(st.none()),
            icon=maybe(words(1, 20)),
            hint=maybe(words(0, 100)),
            key=maybe(words(0, 100)),
        ),
        max_size=5,
    ),
)
PARAMETERS = st.dictionaries(words(1, 20), words(0, 100), max_size=50)
