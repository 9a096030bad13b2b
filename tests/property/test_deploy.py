"""Bots as code: any description is reached and stays; any bot survives being pulled."""

import asyncio
import json
import tomllib

from hypothesis import assume, given, strategies as st
from support.deploy_strategies import (
    actual_bots,
    carry_out,
    desired_bots,
    fields,
    new_handlers,
)
from support.deployments import LIMITS, Folder, connected
from support.effort import tries

from cliq_async.cli.outputs.bot_plan import plan_lines, plan_to_dict
from cliq_async.deploy.desired import load_bot
from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.export import export_bot
from cliq_async.deploy.plan import AdoptBot, Plan, plan_bot
from cliq_async.errors import ValidationError
from cliq_async.models.bot import NewBot
from cliq_async.models.handler import HANDLER_TYPES
from cliq_async.sandbox import Sandbox

PAIRS = st.booleans().flatmap(
    lambda webhook: st.tuples(desired_bots(webhook), st.none() | actual_bots(webhook))
)


@tries(25)
@given(PAIRS, st.booleans())
def test_the_steps_lead_to_the_description_and_no_further(pair, prune):
    desired, actual = pair
    try:
        plan = plan_bot(desired, actual, prune=prune)
    except DeployError:
        names = {each.name for each in (*desired.handlers, *actual.handlers) if each.name}
        assert len(names) > 5
        return
    after = carry_out(actual, plan.steps)
    for name, value in desired.fields.items():
        assert set(map(str, as_list(getattr(after.bot, name)))) == set(map(str, as_list(value)))
    wanted = {(each.type, each.name or "") for each in desired.handlers}
    there = {(each.type, each.name) for each in after.handlers}
    assert wanted <= there
    assert wanted == there or not prune
    again = plan_bot(desired, after, prune=prune)
    assert again.steps == ()
    assert {(each.type, each.name) for each in again.kept} == (set() if prune else there - wanted)


@tries(25)
@given(PAIRS, st.booleans(), st.data())
def test_from_the_middle_of_a_plan_the_next_one_leads_there_as_well(pair, prune, data):
    desired, actual = pair
    try:
        steps = plan_bot(desired, actual, prune=prune).steps
    except DeployError:
        assume(False)  # noqa: FBT003 - hypothesis' own way
    done = data.draw(st.integers(min(1, len(steps)), len(steps)))
    middle = carry_out(actual, steps[:done])
    rest = plan_bot(desired, middle, prune=prune).steps
    assert rest == steps[done:]


def as_list(value):
    return value if isinstance(value, tuple) else (value,)


@tries(25)
@given(PAIRS)
def test_a_plan_is_printable_and_fits_80_columns(pair):
    plan = Plan((plan_bot(*pair, prune=True),))
    for line in plan_lines(plan, "https://cliq.zoho.com", 61):
        assert len(line) <= 80
        assert line.isprintable()
    json.dumps(plan_to_dict(plan, "https://cliq.zoho.com", 61))


@tries(25)
@given(st.booleans().flatmap(actual_bots))
def test_an_exported_bot_is_described_as_it_is(tmp_path_factory, actual):
    folder = Folder(tmp_path_factory.mktemp("pulled"))
    export = export_bot(actual.bot.unique_name, actual)
    for name, script in export.files.items():
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_bytes(script.encode())
    table = tomllib.loads(export.toml)["bots"]["bot"]
    assert export.left_out == ()
    plan = plan_bot(load_bot("bot", table, folder.path), actual)
    assert plan.steps == ((AdoptBot(),) if actual.adopted else ())


TOML = st.recursive(
    st.none().map(lambda _: "x")
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=25)
    | st.sampled_from(["organization", "team", "enabled", "webhook", "message.dg", "a:b", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
KEYS = (
    *("app", "name", "description", "scope", "team_ids", "status_messages", "calls", "image"),
    *("channel_participation", "execution_url", "execution_type", "handlers", "menus", "other"),
)
HANDLER = st.dictionaries(
    st.sampled_from(["script_file", "permissions", "name", "icon", "sub_actions", "x"]),
    TOML | st.lists(st.dictionaries(st.sampled_from(["name", "icon", "x"]), TOML), max_size=2),
)
TABLES = TOML | st.dictionaries(st.sampled_from(KEYS), TOML).flatmap(
    lambda table: st.fixed_dictionaries(
        {key: st.just(value) for key, value in table.items()}
        | {
            "name": st.just("Bot") | TOML,
            "menus": st.lists(HANDLER, max_size=2),
            "handlers": st.dictionaries(st.sampled_from(HANDLER_TYPES), HANDLER, max_size=2),
        }
    )
)


@tries(25)
@given(TABLES)
def test_any_table_is_a_description_or_an_error_that_names_its_place(tmp_path_factory, table):
    folder = tmp_path_factory.getbasetemp()
    try:
        load_bot("bot", table, folder, environ={})
    except ValidationError as error:
        assert error.field.startswith("bots.bot")  # noqa: PT017 - most tables are wrong


@st.composite
def made_bots(draw):
    """Bots to make in a sandbox, with their handlers."""
    names = draw(st.lists(st.text("abc é", min_size=1, max_size=9), max_size=3, unique=True))
    made = []
    for number, name in enumerate(names):
        webhook = draw(st.booleans())
        values = draw(fields(all_of=True, webhook=webhook))
        kind = "webhook" if webhook else "deluge"
        new = NewBot(f"{number} {name}", execution_type=kind, **values)
        made.append((new, draw(new_handlers(webhook=webhook))))
    return made


@tries(12)
@given(made_bots())
def test_a_bot_of_a_sandbox_is_pulled_and_the_plan_is_empty(tmp_path_factory, made):
    folder = Folder(tmp_path_factory.mktemp("pulled"))

    async def pull_and_plan():
        async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
            for new, handlers in made:
                bot = await client.bots.create(new)
                for handler in handlers:
                    await client.handlers.create(bot.id, handler)
            await folder.pull(client, sandbox.url)
            return await folder.plan(client, sandbox.url, prune=True)

    plan = asyncio.run(pull_and_plan())
    assert len(plan.bots) == len(made) + 1
    assert plan.steps == ()
