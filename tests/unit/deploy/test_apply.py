"""Applying: in any state, interrupted anywhere, the next plan converges."""

import pytest
from support.deployments import (
    LIMITS,
    Folder,
    Killed,
    KillingTransport,
    actions,
    connected,
    described,
)

from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.plan import CreateHandler
from cliq_async.errors import ConflictError, OutcomeUnknownError
from cliq_async.models.bot import NewBot
from cliq_async.models.handler import NewHandler
from cliq_async.sandbox import Sandbox

BEFORE = """
[bots.hook]
name = "Hook Bot"
description = "Runs elsewhere"
execution_url = "https://example.com/cliq"
[bots.hook.handlers.message_handler]
permissions = ["message", "user"]
[bots.hook.handlers.mention_handler]
permissions = ["message"]
[[bots.hook.menus]]
name = "Ticket"
icon = "wand/627282"
permissions = ["user"]
"""
AFTER = """
[bots.hook]
name = "Hook Bot 2"
description = "Runs elsewhere"
execution_url = "https://example.com/cliq2"
status_messages = ["At work"]
calls = "enabled"
[bots.hook.handlers.message_handler]
permissions = ["user", "chat"]
[bots.hook.handlers.welcome_handler]
permissions = ["user"]
[[bots.hook.menus]]
name = "Report"
permissions = []
[bots.script]
name = "Script Bot"
description = "Runs in Cliq"
[bots.script.handlers.message_handler]
script_file = "message.dg"
[[bots.script.menus]]
name = "Ticket"
sub_actions = [{ name = "Now", icon = "wand/627282" }, { name = "Later" }]
script_file = "menu.dg"
"""
SCRIPTS = {"message": "return Map();\n", "menu": "return {};\n"}
STATE = {
    "Hook Bot 2": (
        *("Runs elsewhere", "organization", "https://example.com/cliq2", ("At work",), "enabled"),
        [
            ("menu_handler", "Report", "", "", []),
            ("message_handler", "", "", "", ["chat", "user"]),
            ("welcome_handler", "", "", "", ["user"]),
        ],
    ),
    "Script Bot": (
        *("Runs in Cliq", "organization", "", (), "disabled"),
        [
            ("menu_handler", "Ticket", "", "return {};\n", []),
            ("message_handler", "", "", "return Map();\n", []),
        ],
    ),
}


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "bots")
    folder.write(AFTER, **SCRIPTS)
    return folder


async def test_the_bots_are_as_described_and_the_next_plan_is_empty(folder):
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
        folder.write(BEFORE)
        await folder.apply(client, sandbox.url)
        folder.write(AFTER)
        plan = await folder.apply(client, sandbox.url, prune=True)
        again = await folder.plan(client, sandbox.url, prune=True)
        assert await described(client) == STATE
    assert actions(plan) == [
        *("update_bot", "delete_handler", "delete_handler", "update_handler"),
        *("create_handler", "create_handler", "create_bot", "create_handler", "create_handler"),
    ]
    assert again.steps == ()


async def run_killed(folder, sandbox, at, *, sent, **options):
    """Plan and apply with a program that ends at a request; return whether it came that far."""
    transport = KillingTransport(at, sent=sent, **options)
    async with connected(sandbox, transport=transport) as client:
        try:
            await folder.apply(client, sandbox.url, prune=True)
        except Killed:
            return True
    return False


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "after it was done"])
async def test_killed_at_any_request_the_next_run_converges(tmp_path, sent):
    at, killed = 0, True
    while killed:
        at += 1
        folder = Folder(tmp_path / str(at))
        folder.write(BEFORE, **SCRIPTS)
        async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
            await folder.apply(client, sandbox.url)
            folder.write(AFTER)
            killed = await run_killed(folder, sandbox, at, sent=sent)
            await folder.apply(client, sandbox.url, prune=True)
            assert (await folder.plan(client, sandbox.url, prune=True)).steps == (), at
            assert await described(client) == STATE, at
    assert at == 3 + 9 + 1  # reads, steps, and the run that nothing ended


async def test_killed_after_each_change_it_gets_done_all_the_same(folder):
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
        runs = 1
        while await run_killed(folder, sandbox, 1, sent=True, writes=True):
            runs += 1
        assert await described(client) == STATE
        requests = sandbox.report()["requests"]
    assert runs == 7 + 1
    assert (requests["create_bot"], requests["create_handler"]) == (2, 5)


@pytest.mark.parametrize("endpoint", ["create_bot", "create_handler"])
async def test_a_creation_without_an_answer_is_looked_up_and_not_repeated(folder, endpoint):
    faults = [f"lost:1@{endpoint}"]
    async with (
        Sandbox(limits=LIMITS, faults=faults) as sandbox,
        connected(sandbox, timeout_s=0.2) as client,
    ):
        await folder.apply(client, sandbox.url)
        requests = sandbox.report()["requests"]
        assert await described(client) == STATE
    assert requests[endpoint] == {"create_bot": 2, "create_handler": 5}[endpoint]


class LosingTransport(KillingTransport):
    """Answers the first requests to a path with a 500 and does not carry them out."""

    def __init__(self, ending, times):
        super().__init__(0, sent=False)
        self.ending, self.times = ending, times

    async def send(self, request, permit):
        from cliq_async.transport.base import Response

        if request.url.endswith(self.ending) and request.method == "POST" and self.times:
            self.times -= 1
            assert permit.claim()
            return Response(500, {"content-type": "application/json"}, b'{"message": "sorry"}')
        return await super().send(request, permit)


@pytest.mark.parametrize("ending", ["/bots", "/handlers"])
async def test_what_is_not_there_after_a_failure_is_created_again(folder, ending):
    folder.write(
        AFTER.replace("[[bots.script.menus]]", "[bots.script.nothing]").partition(
            "[bots.script.nothing]"
        )[0]
    )
    transport = LosingTransport(ending, 2)
    async with (
        Sandbox(limits=LIMITS) as sandbox,
        connected(sandbox, transport=transport) as client,
    ):
        await folder.apply(client, sandbox.url)
        assert (await folder.plan(client, sandbox.url)).steps == ()
    assert transport.times == 0


async def test_it_ends_if_it_fails_every_time(folder):
    transport = LosingTransport("/bots", 99)
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox, transport=transport) as client:
        with pytest.raises(Exception, match="create_bot"):
            await folder.apply(client, sandbox.url)
    assert transport.times == 96


async def test_a_menu_is_not_created_again_while_its_first_request_may_arrive(tmp_path):
    folder = Folder(tmp_path)
    folder.write(BEFORE)
    transport = LosingTransport("/handlers", 0)
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox, transport=transport) as client:
        plan = await folder.plan(client, sandbox.url)
        await folder.apply(client, sandbox.url)
        folder.write(BEFORE + '[[bots.hook.menus]]\nname = "Second"\npermissions = []\n')
        transport.times = 1
        with pytest.raises(Exception, match="create_handler"):
            await folder.apply(client, sandbox.url)
        plan = await folder.apply(client, sandbox.url)
    assert actions(plan) == ["create_handler"]


async def test_a_handler_that_someone_else_makes_meanwhile_is_not_overwritten(folder):
    async with Sandbox(limits=LIMITS, dialect="live") as sandbox, connected(sandbox) as client:
        folder.write(BEFORE)
        await folder.apply(client, sandbox.url)
        folder.write(AFTER)
        plan = await folder.plan(client, sandbox.url)
        (new,) = [
            step.new
            for step in plan.bots[0].steps
            if isinstance(step, CreateHandler) and step.new.type == "welcome_handler"
        ]
        await client.handlers.create(plan.bots[0].actual.bot.id, new)
        from cliq_async.deploy.apply import apply_plan

        with pytest.raises(Exception, match="create_handler"):
            await apply_plan(client, plan, folder.lock(sandbox.url))
        await folder.apply(client, sandbox.url)
        assert (await folder.plan(client, sandbox.url)).steps == ()


async def test_a_handler_that_cliq_does_not_let_go_stays_and_is_known(tmp_path):
    folder = Folder(tmp_path)
    folder.write('[bots.support]\nname = "Support Bot"\n')
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
        first = await folder.apply(client, sandbox.url, prune=True)
        second = await folder.plan(client, sandbox.url, prune=True)
        (kept,) = (await client.bots.get("53719000001878011")).handlers
    assert actions(first) == ["adopt_bot", "delete_handler"]
    assert second.steps == ()
    assert kept.type == "welcome_handler"


async def test_two_sandboxes_and_a_third_that_starts_afresh_share_a_lock_file(folder):
    async with Sandbox(limits=LIMITS) as one, Sandbox(limits=LIMITS) as two:
        for sandbox in (one, two, one):
            async with connected(sandbox) as client:
                await folder.apply(client, sandbox.url)
                assert await described(client) == STATE
        port = int(one.url.rpartition(":")[2])
    # The ids come again, and stand for other bots.
    async with Sandbox(limits=LIMITS, port=port) as fresh, connected(fresh) as client:
        await client.bots.create(NewBot("Another Bot", description="Not ours", scope="personal"))
        await client.bots.create(NewBot("A third Bot", description="Not ours", scope="personal"))
        plan = await folder.apply(client, fresh.url)
        found = await described(client)
        assert {name: found[name] for name in STATE} == STATE
    assert actions(plan)[0] == "create_bot"


async def test_a_bot_of_another_organization_is_passed_over(folder):
    """A server can know several organizations: a lock file has an id for each."""
    url = "https://cliq.example.com"
    lock = folder.lock(url)
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
        from cliq_async.deploy.apply import apply_plan
        from cliq_async.deploy.lock import LockEntry
        from cliq_async.deploy.planner import make_plan

        lock.put("hook", LockEntry(id="1", unique_name="hookbot2"))
        plan = await make_plan(client, folder.bots(), lock)
        await apply_plan(client, plan, lock)
        assert (await make_plan(client, folder.bots(), lock)).steps == ()
        assert [entry.unique_name for entry in lock.entries("hook")] == ["hookbot2"] * 2


async def test_a_name_that_is_taken_out_of_sight_is_an_error(folder):
    class Hiding(KillingTransport):
        async def send(self, request, permit):
            answer = await super().send(request, permit)
            if request.method == "GET":
                from cliq_async.transport.base import Response

                return Response(200, answer.headers, b'{"data": []}')
            return answer

    async with Sandbox(limits=LIMITS) as sandbox:
        async with connected(sandbox) as client:
            await client.bots.create(NewBot("Script Bot", description="x", scope="personal"))
        async with connected(sandbox, transport=Hiding(0, sent=False)) as client:
            with pytest.raises(ConflictError):
                await folder.apply(client, sandbox.url)


async def test_a_bot_of_the_other_type_is_refused_before_handlers_are_read(folder):
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
        bot = await client.bots.create(
            NewBot("Hook Bot 2", description="In Cliq", scope="organization")
        )
        await client.handlers.create(bot.id, NewHandler("message_handler", script="return {};"))
        with pytest.raises(DeployError, match="is deluge, and no update makes it webhook"):
            await folder.plan(client, sandbox.url)
        assert "get_handler" not in sandbox.report()["requests"]


async def test_nothing_is_read_twice_and_only_what_is_compared(folder):
    async with Sandbox(limits=LIMITS) as sandbox, connected(sandbox) as client:
        await folder.apply(client, sandbox.url)
        before = sandbox.report()["requests"]
        assert before == {"list_bots": 1, "create_bot": 2, "create_handler": 5}
        folder.write(
            AFTER.replace('[bots.hook.handlers.welcome_handler]\npermissions = ["user"]', "")
        )
        plan = await folder.apply(client, sandbox.url)
        after = sandbox.report()["requests"]
    assert plan.steps == ()
    assert [each.type for each in plan.bots[0].kept] == ["welcome_handler"]
    read = {name: count - before.get(name, 0) for name, count in after.items()}
    assert read == {
        "list_bots": 0,
        "create_bot": 0,
        "create_handler": 0,
        "get_bot": 2,
        "get_handler": 4,
    }


async def test_an_unknown_update_is_an_error_and_planned_again(folder):
    async with (
        Sandbox(limits=LIMITS, faults=["lost:1@update_bot"]) as sandbox,
        connected(sandbox, timeout_s=0.1) as client,
    ):
        await folder.apply(client, sandbox.url)
        folder.write(AFTER.replace("At work", "At home"))
        with pytest.raises(OutcomeUnknownError):
            await folder.apply(client, sandbox.url)
        assert (await folder.plan(client, sandbox.url)).steps == ()
