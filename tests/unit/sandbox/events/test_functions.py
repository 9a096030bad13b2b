"""Buttons and forms: their webhook functions get events, too."""

from support.event_bots import JAMES, hooked

RUN = {"type": "invoke.function", "data": {"name": "approve"}}
BUTTONS = {"text": "Approve?", "buttons": [{"label": "Yes", "action": RUN, "key": "k1"}]}
FORM = {
    "type": "form",
    "title": "Leave",
    "name": "leave",
    "inputs": [{"type": "text", "name": "from", "label": "From"}],
    "action": {"type": "invoke.function", "name": "approve"},
}


async def create_function(api, url, *, kind="button", permissions=("message", "user", "chat")):
    form = {
        "name": "approve",
        "description": "d",
        "function_type": kind,
        "execution_type": "webhook",
        "execution_url": url,
    }
    created = (await api.post("/functions", form))["data"]
    handler = {"type": f"{kind}_handler".replace("form_", "form_submit_")}
    await api.post(
        f"/functions/{created['id']}/handlers", handler | {"permissions": list(permissions)}
    )


async def test_a_button_runs_its_function_and_the_answer_may_edit_the_message():
    def answer(event):
        if event["type"] == "function":
            return {"type": "message_edit", "text": "Approved"}
        return BUTTONS

    async with hooked(answer) as (sandbox, bot, api):
        await create_function(api, bot.url)
        await sandbox.say("hook", "hi")
        pressed = await sandbox.press("hook", "Yes")
        event = bot.events[1]
        assert (event["type"], event["name"]) == ("function", "approve")
        assert event["handler"] == {"type": "button_handler"}
        assert "unique_name" not in event
        assert "response_url" in event
        params = event["params"]
        assert set(params) == {
            *("access", "environment", "user", "chat", "message", "target", "event", "arguments")
        }
        assert params["target"] == {"name": "Yes", "hint": "", "key": "k1"}
        assert (params["event"], params["message"]["text"]) == ("click", "Approve?")
        assert params["access"]["message_id"] == sandbox.messages[0]["message_id"]
        assert pressed.answer == {"type": "message_edit", "text": "Approved"}
        _, chat = await api.sandbox_get("chat", bot="hook", user=JAMES)
        shown = {item["kind"]: item for item in chat["items"]}
        assert (shown["message"]["edited"], shown["message"]["body"]) == (
            True,
            {"text": "Approved"},
        )
        assert shown["edit"]["body"]["message_id"] == sandbox.messages[0]["message_id"]
        assert sandbox.messages[0]["body"] == BUTTONS


async def test_a_form_is_submitted_to_its_function():
    def answer(event):
        return {"text": "Booked"} if event["type"] == "function" else FORM

    async with hooked(answer) as (sandbox, bot, api):
        await create_function(api, bot.url, kind="form", permissions=["user"])
        await sandbox.say("hook", "hi")
        submitted = await sandbox.submit("hook", "leave", {"from": "Monday"})
        event = bot.events[1]
        assert event["handler"] == {"type": "form_handler"}
        assert set(event["params"]) == {"access", "environment", "user", "form", "target"}
        assert event["params"]["form"] == {
            "name": "leave",
            "action": "submit",
            "values": {"from": "Monday"},
        }
        assert submitted.answer == {"text": "Booked"}
        _, answered = await api.sandbox_post("submit", bot="hook", form="leave", values={})
        assert answered["deliveries"][0]["answer"] == {"text": "Booked"}


async def test_an_edit_needs_a_message():
    def answer(event):
        return {"type": "message_edit", "text": "x"} if event["type"] == "function" else FORM

    async with hooked(answer) as (sandbox, bot, api):
        await create_function(api, bot.url, kind="form")
        await sandbox.say("hook", "hi")
        submitted = await sandbox.submit("hook", "leave", {})
        assert submitted.error == "the answer was refused: There is no message to edit."
