"""Plans where Cliq does not say all, or says it in another form. The rest: tests/property."""

import attrs
import pytest

from cliq_async.deploy.actual import ActualBot
from cliq_async.deploy.desired import DesiredBot
from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.lock import LockEntry, digest
from cliq_async.deploy.plan import Change, DeleteHandler, UpdateBot, UpdateHandler, plan_bot
from cliq_async.models.bot import Bot, BotChanges, BotHandler
from cliq_async.models.handler import Handler, HandlerChanges, NewHandler

URL = "https://example.com/secret"


def desired(*handlers, execution_type="webhook", shown=None, **fields):
    return DesiredBot(
        key="bot",
        execution_type=execution_type,
        fields={"name": "Bot"} | fields,
        handlers=handlers,
        shown=shown or {},
    )


def actual(*handlers, digests=None, **fields):
    bot = Bot(id="1", unique_name="bot", name="Bot", **fields)
    entry = LockEntry(id="1", unique_name="bot", digests=digests or {})
    return attrs.evolve(ActualBot.of(bot, entry), handlers=handlers)


def steps(wanted, there, **options):
    return plan_bot(wanted, there, **options).steps


def test_a_value_that_cliq_does_not_show_is_sent_once():
    wanted = desired(execution_url=URL, image="QUJD")
    (step,) = steps(wanted, actual())
    assert isinstance(step, UpdateBot)
    assert step.payload == BotChanges(execution_url=URL, image="QUJD")
    known = {"execution_url": digest(URL), "image": digest("QUJD")}
    assert steps(wanted, actual(digests=known)) == ()
    assert steps(desired(execution_url=URL + "2"), actual(digests=known)) != ()


def test_a_value_that_cliq_shows_counts_and_not_what_was_once_applied():
    there = actual(
        execution_url="https://other.example.com", digests={"execution_url": digest(URL)}
    )
    (step,) = steps(desired(execution_url=URL), there)
    assert step.changes == (Change("execution_url", "https://other.example.com", URL),)


def test_a_secret_of_a_variable_is_not_shown():
    wanted = desired(execution_url=URL, shown={"execution_url": "https://example.com/${SECRET}"})
    (step,) = steps(wanted, actual(execution_url="https://example.com/old-secret"))
    (change,) = step.changes
    assert change.before == "https://example.com/…"
    assert change.after == "https://example.com/${SECRET}"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"calls": "enabled"}, {"calls": "enable"}),
        ({"channel_participation": ("a", "b")}, {"channel_participation": ("b", "a")}),
        ({"scope": "team", "team_ids": (1, 2)}, {"scope": "team", "team_ids": (2, 1)}),
        ({"status_messages": ()}, {}),
    ],
)
def test_a_difference_that_does_not_matter_is_no_change(fields, said):
    assert steps(desired(**fields), actual(**said)) == ()


def test_teams_are_sent_with_their_scope():
    wanted = desired(scope="team", team_ids=(1,))
    (step,) = steps(wanted, actual(scope="team", team_ids=(2,)))
    assert step == UpdateBot(
        payload=BotChanges(scope="team", team_ids=(1,)), changes=(Change("team_ids", (2,), (1,)),)
    )


def test_the_order_of_status_messages_matters():
    there = actual(status_messages=("a", "b"))
    assert steps(desired(status_messages=("b", "a")), there) != ()


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ({"script": "a\n b\n"}, {"script": "a\r\n b"}),
        ({"permissions": ("user", "chat")}, {"permissions": ("chat", "user")}),
    ],
)
def test_the_form_of_a_handler_is_no_change(wanted, there):
    new = NewHandler("message_handler", **wanted)
    assert steps(desired(new), actual(Handler(type="message_handler", **there))) == ()


def test_menus_are_matched_by_name_and_a_rename_is_a_deletion_and_a_creation():
    old = Handler(type="menu_handler", id="7", name="Old", icon="wand/FFF")
    same = Handler(type="menu_handler", id="8", name="Same", icon="wand/FFF")
    wanted = desired(
        NewHandler("menu_handler", name="New", permissions=[]),
        NewHandler("menu_handler", name="Same", icon="wand/fff", permissions=["user"]),
    )
    plan = plan_bot(wanted, actual(old, same))
    assert [step.action for step in plan.steps] == ["update_handler", "create_handler"]
    assert plan.kept == (old,)
    update = plan.steps[0]
    assert isinstance(update, UpdateHandler)
    assert (update.handler, update.payload) == (same, HandlerChanges(permissions=["user"]))
    assert plan_bot(wanted, actual(old, same), prune=True).steps[0] == DeleteHandler(handler=old)


def test_a_sixth_menu_is_refused_unless_one_is_pruned():
    there = actual(*(Handler(type="menu_handler", id=n, name=n) for n in "ABCDE"))
    wanted = desired(NewHandler("menu_handler", name="F", permissions=[]))
    with pytest.raises(DeployError, match="6 menus, and 5 is the most: --prune deletes those"):
        plan_bot(wanted, there)
    assert len(steps(wanted, there, prune=True)) == 6


def test_handlers_of_a_type_that_this_version_does_not_know_are_left_alone():
    there = actual(Handler(type="telepathy_handler"))
    plan = plan_bot(desired(), there, prune=True)
    assert (plan.steps, plan.kept) == ((), ())


def test_alert_handler_is_cliqs_other_name_of_the_call_handler():
    bot = Bot(id="1", unique_name="bot", name="Bot", handlers=(BotHandler(type="alert_handler"),))
    (handler,) = ActualBot.of(bot).handlers
    assert handler.type == "call_handler"
