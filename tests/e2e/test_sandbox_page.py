"""The page of the sandbox in a real browser: what people see and do, and what they write."""

import asyncio
import itertools
import re

import pytest
import pytest_asyncio
from support.browsers import browsing, needs_chromium, page_of
from support.event_bots import JAMES, hooked

from cliq_async import CliqClient, MemoryStore
from cliq_async.sandbox import Sandbox

playwright = pytest.importorskip("playwright.async_api")
axe = pytest.importorskip("axe_playwright_python.async_playwright")
expect = playwright.expect
expect.set_options(timeout=15_000)  # a busy machine

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

PIXEL = "https://example.com/pixel.png"
MESSAGE = {
    "text": "*Build 512* has _failed_, see [the log](https://example.com/log) or `make test`",
    "card": {
        "theme": "modern-inline",
        "title": "Build 512",
        "thumbnail": PIXEL,
        "sections": [{"title": "Facts", "fields": [{"title": "Branch", "value": "main"}]}],
    },
    "slides": [
        {
            "type": "table",
            "title": "Suites",
            "data": {
                "headers": ["Suite", "Failed"],
                "rows": [{"Suite": "unit", "Failed": 0}, {"Suite": "e2e", "Failed": 2}],
            },
        },
        {"type": "list", "title": "Next", "data": ["Look at the log", "Run it again"]},
        {
            "type": "label",
            "title": "Who",
            "data": [{"label": "Owner", "value": "Scott"}, {"Since": "Monday"}],
        },
        {
            "type": "percentage_chart",
            "title": "Results",
            "data": [{"label": "good", "value": 40}, {"label": "bad", "value": 2}],
        },
        {
            "type": "graph",
            "title": "Minutes",
            "data": [{"category": "Builds", "values": [{"label": "511", "value": 7}]}],
        },
        {"type": "images", "title": "Pictures", "data": [PIXEL]},
        {
            "type": "text",
            "title": "Remark",
            "data": "Runs nightly.",
            "buttons": [
                {"label": "Stop", "action": {"type": "invoke.function", "data": {"name": "stop"}}}
            ],
        },
    ],
    "buttons": [
        {
            "label": "Retry",
            "hint": "Run it again",
            "type": "+",
            "action": {
                "type": "invoke.function",
                "data": {"name": "retry"},
                "confirm": {"title": "Sure?", "input": "why", "button_label": "Yes"},
            },
        },
        {
            "label": "Open",
            "type": "-",
            "action": {"type": "open.url", "data": {"web": "https://example.com/b"}},
        },
    ],
    "styles": {"background": "red"},
}
POLL = {
    "text": "Lunch",
    "card": {"theme": "poll", "title": "When?", "options": [{"text": "12"}, {"text": "13"}]},
}
QUESTIONS = {
    "text": "Let us see.",
    "context": {
        "id": "leave",
        "params": [
            {"name": "from", "question": "From when?"},
            {
                "name": "paid",
                "question": "Paid?",
                "suggestions": {"list": [{"text": "yes"}, {"text": "no"}]},
            },
        ],
    },
}
FORM = {
    "type": "form",
    "title": "Ask for leave",
    "name": "leave",
    "button_label": "Ask",
    "inputs": [
        {"type": "text", "name": "why", "label": "Reason", "mandatory": True, "hint": "In a word"},
        {"type": "number", "name": "days", "label": "Days"},
        {"type": "date", "name": "from", "label": "From"},
        {
            "type": "select",
            "name": "kind",
            "label": "Kind",
            "options": [{"label": "Paid", "value": "p"}, {"label": "Unpaid", "value": "u"}],
        },
        {
            "type": "checkbox",
            "name": "tell",
            "label": "Tell",
            "options": [{"label": "Team", "value": "t"}, {"label": "HR", "value": "h"}],
        },
        {"type": "toggle", "name": "half", "label": "Half a day"},
        {"type": "textarea", "name": "note", "label": "Note"},
    ],
    "action": {"type": "invoke.function", "name": "leave"},
}
SUGGESTIONS = {"text": "Which?", "suggestions": {"list": [{"text": "red"}, {"text": "blue"}]}}
ANSWERS = {
    "build": MESSAGE,
    "lunch": POLL,
    "leave": QUESTIONS,
    "form": FORM,
    "color": SUGGESTIONS,
    "long": {"text": "x" * 6000},
}


def answer(event):
    params = event["params"]
    if event["handler"]["type"] == "action_handler":
        return {"type": "banner", "text": "Ticket raised", "status": "success"}
    if "answers" in params:
        return {"text": " ".join(each["text"] for each in params["answers"].values())}
    text = params.get("message", "")
    text = text["text"] if isinstance(text, dict) else text
    return ANSWERS.get(text, {"text": f"re: {text}"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    asyncio.get_running_loop().set_debug(False)  # it would take twice the time
    async with browsing() as browser:
        yield browser


async def say(page, text):
    await page.get_by_label("Message").fill(text)
    await page.get_by_label("Message").press("Enter")


def chat(page):
    return page.get_by_role("log")


def items(page):
    return chat(page).get_by_role("article")


def person(page):
    return page.get_by_role("combobox", name="as")


async def test_a_person_writes_presses_answers_and_chooses(browser):
    async with hooked(answer) as (_, bot, _api), page_of(browser, _) as page:
        await say(page, "hi")
        await expect(chat(page)).to_contain_text("re: hi")
        await say(page, "color")
        await page.get_by_role("button", name="blue").click()
        await expect(chat(page)).to_contain_text("re: blue")
        await say(page, "leave")
        await expect(page.get_by_placeholder("Answer: From when?")).to_be_visible()
        await say(page, "Monday")
        await page.get_by_role("button", name="no", exact=True).click()
        await expect(chat(page)).to_contain_text("Monday no")
        await page.get_by_role("button", name="Raise").click()
        await expect(chat(page)).to_contain_text("Ticket raised")
        shown = await items(page).count()
        await page.reload()
        await expect(items(page)).to_have_count(shown)
    assert {each["handler"]["type"] for each in bot.events} == {
        "message_handler",
        "context_handler",
        "action_handler",
    }


async def test_a_message_is_shown_as_people_see_it(browser):
    async with hooked(answer) as (sandbox, _, _api), page_of(browser, sandbox) as page:
        await say(page, "build")
        bubble = items(page).nth(1)
        texts = ("Branch", "main", "Look at the log", "Owner", "Scott", "Since", "Monday", "Builds")
        for text in (*texts, "Runs nightly."):
            await expect(bubble.get_by_text(text, exact=True)).to_be_visible()
        for label, value in (("good", 40), ("bad", 2), ("511", 7)):
            meter = bubble.get_by_role("meter", name=label)
            await expect(meter).to_have_js_property("value", value)
        await expect(bubble.get_by_text("0", exact=True)).to_have_count(1)  # in the table
        await expect(bubble.locator("strong")).to_have_text("Build 512")
        await expect(bubble.locator("em")).to_have_text("failed")
        await expect(bubble.locator("code")).to_have_text("make test")
        assert await bubble.locator("th, td").all_text_contents() == [
            *("Suite", "Failed", "unit", "0", "e2e", "2")
        ]
        links = {
            await each.text_content(): await each.get_attribute("href")
            for each in await bubble.get_by_role("link").all()
        }
        assert links == {
            "the log": "https://example.com/log",
            "thumbnail": PIXEL,
            PIXEL: PIXEL,
            "Open": "https://example.com/b",
        }
        await expect(bubble.locator("img")).to_have_count(0)
        await bubble.get_by_role("button", name="Stop").click()
        await expect(page.locator("#notice")).to_contain_text("no webhook function 'stop'")
        await bubble.get_by_role("button", name="Retry").click()
        await expect(page.get_by_role("status").last).to_contain_text("no webhook function 'retry'")
        await say(page, "lunch")
        await expect(items(page).filter(has_text="12")).not_to_have_count(0)


async def test_a_form_is_filled_in_and_submitted(browser):
    async with hooked(answer) as (sandbox, _, _api), page_of(browser, sandbox) as page:
        await say(page, "form")
        form = chat(page).locator("form")
        await form.get_by_label("Reason").fill("Wedding")
        await form.get_by_label("Days").fill("2")
        await form.get_by_label("From").fill("2026-06-01")
        await form.get_by_label("Unpaid").check()
        await form.get_by_label("Team").check()
        await form.get_by_label("HR").check()
        await form.get_by_label("Half a day").check()
        async with page.expect_request("**/sandbox/submit") as request:
            await form.get_by_role("button", name="Ask").click()
        assert (await request.value).post_data_json == {
            "bot": "hook",
            "user": JAMES,
            "form": "leave",
            "values": {
                "why": "Wedding",
                "days": "2",
                "from": "2026-06-01",
                "kind": {"label": "Unpaid", "value": "u"},
                "tell": [{"label": "Team", "value": "t"}, {"label": "HR", "value": "h"}],
                "half": True,
                "note": "",
            },
        }
        await expect(page.locator("#notice")).to_contain_text("no webhook function 'leave'")


async def create_function(api, url, name, kind, handler):
    """Create the webhook function that a button or form runs."""
    body = {
        "name": name,
        "description": "d",
        "function_type": kind,
        "execution_type": "webhook",
        "execution_url": url,
    }
    function = (await api.post("/functions", body))["data"]
    body = {"type": handler, "permissions": ["user"]}
    await api.post(f"/functions/{function['id']}/handlers", body)


async def test_a_button_edits_its_message_and_a_form_is_answered(browser):
    def run(event):
        if event["type"] != "function":
            return answer(event)
        if event["handler"]["type"] == "button_handler":
            return {"type": "message_edit", "text": "Done", "buttons": MESSAGE["buttons"]}
        return {"text": f"Booked: {event['params']['form']['values']['why']}"}

    async with hooked(run) as (sandbox, bot, api), page_of(browser, sandbox) as page:
        await create_function(api, bot.url, "retry", "button", "button_handler")
        await create_function(api, bot.url, "leave", "form", "form_submit_handler")
        await say(page, "build")
        for edits in (1, 2):
            await chat(page).get_by_role("button", name="Retry").click()
            await expect(items(page).nth(1).locator("p.text").first).to_have_text("Done")
            await expect(items(page).get_by_text("edited its message")).to_have_count(edits)
        await expect(items(page).nth(1).get_by_text("edited", exact=True)).to_be_visible()
        await say(page, "form")
        await chat(page).get_by_label("Reason").fill("Wedding")
        await chat(page).get_by_role("button", name="Ask").click()
        await expect(chat(page)).to_contain_text("Booked: Wedding")


async def test_people_bots_and_channels_are_chosen(browser):
    async with hooked(answer) as (sandbox, bot, _), page_of(browser, sandbox) as page:
        title = page.get_by_role("heading", level=2).nth(2)
        await page.get_by_role("button", name="Support Bot").click()
        await expect(title).to_have_text("Support Bot")
        await expect(person(page)).to_have_value("55743307")
        await say(page, "hi")
        await expect(page.locator("#notice")).to_contain_text("No event for supportbot")
        await page.get_by_label("find").fill("55743310")
        await page.keyboard.press("Enter")
        await expect(person(page)).to_have_value("55743310")
        await page.get_by_role("button", name="Hook").click()
        await expect(title).to_have_text("Hook")
        await page.get_by_label("find").fill("")
        await page.get_by_label("find").blur()
        await person(page).select_option("55743313")
        await page.get_by_role("button", name="Subscribe", exact=True).click()
        await expect(page.get_by_role("button", name="Unsubscribe")).to_be_visible()
        await page.get_by_role("button", name="#general").click()
        await expect(title).to_have_text("#general")
        await say(page, "hello all")
        await expect(chat(page)).to_contain_text("hello all")
        await say(page, "@hook what time?")
        await expect(chat(page)).to_contain_text("re:")
    handlers = [each["handler"]["type"] for each in bot.events]
    assert handlers == ["welcome_handler", "mention_handler"]


async def test_a_call_rings_and_is_answered(browser):
    async with hooked(answer) as (sandbox, _, api), page_of(browser, sandbox) as page:
        await api.post("/bots/hook/calls", {"text": "Fire!", "user_ids": [JAMES]})
        await expect(page.get_by_role("alert")).to_contain_text("Hook calls: Fire!")
        await page.get_by_role("button", name="Answer").click()
        await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_gauge_moves_and_a_lock_counts_down(browser):
    async with hooked(answer) as (sandbox, _, api), page_of(browser, sandbox) as page:
        gauge = page.locator("#gauges li", has_text="send_message")
        await api.post("/bots/supportbot/message", {"text": "a", "broadcast": True})
        await expect(gauge.get_by_text("1 of 50 in a minute")).to_be_visible()
        await expect(gauge.get_by_role("meter")).to_have_js_property("value", 0.02)
        await expect(gauge.locator("path")).to_have_attribute("d", re.compile(r"^M\d+ 24v-"))
        headers = {"Authorization": "Bearer ann"}
        url = f"{sandbox.url}/api/v3/bots/supportbot/message"
        for _ in range(50):
            async with api.session.post(url, json={"text": "a"}, headers=headers):
                pass
        lock = gauge.get_by_text("locked for")
        await expect(lock).to_be_visible()
        first = await lock.text_content()
        await expect(lock).not_to_have_text(first or "")


async def test_a_delivery_shows_all_of_it_and_is_sent_again(browser):
    async with hooked(answer) as (sandbox, bot, _), page_of(browser, sandbox) as page:
        await say(page, "hi")
        first = page.locator("#delivery-1")
        await expect(first).to_contain_text("200")
        await first.locator("summary").click()
        signature = bot.requests[0][1]
        for text in (signature, '"message": "hi"', bot.url, '"text": "re: hi"'):
            await expect(first).to_contain_text(text)
        await first.get_by_role("button", name="Send again").click()
        await expect(page.locator("#delivery-2")).to_contain_text("200")
        await first.get_by_role("button", name="Send the same bytes").click()
        await expect(page.locator("#delivery-3")).to_contain_text("200")
        await say(page, "long")
        await expect(page.locator("#delivery-4")).to_contain_text("failed")
        await expect(page.locator("#notice")).to_contain_text("5000")
    assert bot.requests[0] == bot.requests[2]
    assert bot.requests[0] != bot.requests[1]


HOSTILE = {
    "an image": "<img src=x onerror=\"document.title='hacked'\">",
    "a script": "</script><script>document.title='hacked'</script>",
    "a link": "[x](javascript:alert(1)) javascript:alert(1)",
    "a template": "{{7*7}} ${7*7} </template></li>",
    "directions": "\u202egnp.exe\u2066\u2069\u200f abc",
    "control characters": "a\x00b\x07c\x1b[31md\u2028e",
    "marks": "*" * 500 + "_" * 500 + "[" * 500,
    "combining": "z" + "\u0301" * 500,
}


def everywhere(event):
    """A message with the text that came in each of its places."""
    text = event["params"]["message"]
    section = {"title": text, "fields": [{"title": text, "value": text}]}
    return {
        "text": text,
        "card": {"theme": "modern-inline", "title": text[:200], "sections": [section]},
        "slides": [
            {"type": "list", "title": text, "data": [text]},
            {"type": "table", "data": {"headers": [text], "rows": [{text: text}]}},
        ],
        "bot": {"name": text},
        "buttons": [
            {
                "label": text[:20],
                "hint": text[:100],
                "action": {"type": "preview.url", "data": {"url": text[:500]}},
            }
        ],
        "suggestions": {"list": [{"text": text}]},
    }


async def test_hostile_texts_stay_text(browser):
    async with hooked(everywhere) as (sandbox, _, _api), page_of(browser, sandbox) as page:
        for number, (name, text) in enumerate(HOSTILE.items(), 1):
            delivery = await sandbox.say("hook", text)
            assert delivery.error is None, name
            bubble = items(page).nth(2 * number - 1)
            await bubble.wait_for()
            shown = {await each.text_content() for each in await bubble.locator("li, td, h4").all()}
            assert shown == {text}, name
            await page.locator(f"#delivery-{number} summary").click()
            await page.locator(f"#delivery-{number} pre").first.wait_for()
        assert await page.title() == "Cliq sandbox"
        assert await page.locator("img, main script, main template").count() == 0
        links = await page.locator("a").evaluate_all("all => all.map(each => each.protocol)")
        assert set(links) <= {"https:", "http:"}
        assert await page.evaluate("document.documentElement.scrollWidth") == 1280


async def test_hundred_kilobytes_of_text_fit_in(browser):
    huge = "<b>" + "x" * 100_000
    form = FORM | {"title": huge, "hint": huge}
    async with hooked(lambda _: form) as (sandbox, _, _api), page_of(browser, sandbox) as page:
        await say(page, "go")
        await expect(chat(page).locator("form h3")).to_have_text(huge)
        await page.locator("#delivery-1 summary").click()
        await expect(page.locator("#delivery-1")).to_contain_text("<b>xxx")
        assert await page.evaluate("document.documentElement.scrollWidth") == 1280


async def test_twenty_thousand_recipients_and_thousands_of_messages_are_a_hundred_items(browser):
    scale = 2400
    async with (
        Sandbox(subscribers=20_000, time_scale=scale) as sandbox,
        CliqClient(
            "any", base_url=sandbox.url, quota=MemoryStore(), time_scale=scale, max_wait_s=None
        ) as client,
        page_of(browser, sandbox) as page,
    ):
        ids = [str(55743307 + 3 * number) for number in range(20_000)]
        report = await client.broadcast("supportbot", "Maintenance at 6", ids)
        assert report.delivered == 20_000
        await expect(page.locator("#counts")).to_contain_text("200 messages")
        await expect(chat(page)).to_contain_text("Maintenance at 6")
        await asyncio.gather(
            *(
                client.messages.send("supportbot", f"number {number}", user_ids=ids[:1])
                for number in range(300)
            )
        )
        await expect(page.locator("#counts")).to_contain_text("500 messages")
        await expect(items(page).last).to_contain_text("number ")
        await expect(items(page)).to_have_count(100)
        await page.get_by_label("find").fill(ids[-1])
        await page.keyboard.press("Enter")
        await expect(person(page)).to_have_value(ids[-1])
        await expect(items(page)).to_have_count(1)


async def test_a_thousand_people_write_at_once_and_the_last_hundred_deliveries_are_listed(browser):
    people = [str(55743307 + 3 * number) for number in range(1_000)]
    async with (
        hooked(answer, subscribers=1_000) as (sandbox, _, _api),
        page_of(browser, sandbox) as page,
    ):
        sandbox.subscribe("hook", *people)
        said = await asyncio.gather(*(sandbox.say("hook", "hi", user=each) for each in people))
        assert {each.error for each in said} == {None}
        await expect(page.locator("#counts")).to_contain_text("1,000 events")
        await expect(page.locator("#deliveries .success")).to_have_count(100)
        await expect(page.locator("#deliveries > li").first).to_have_id("delivery-1000")


async def test_a_sandbox_that_starts_again_is_found_again(browser):
    async with Sandbox(subscribers=3) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        opened = page_of(browser, sandbox, "bot=supportbot&user=55743313")
        page = await opened.__aenter__()
    await expect(page.get_by_text("waiting for the sandbox")).to_be_visible()
    async with Sandbox(subscribers=1, port=port):
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await expect(page.get_by_text("1 subscriber", exact=False)).to_be_visible()
        await expect(person(page)).to_have_value("55743307")
    await page.context.close()


async def test_the_keyboard_is_enough(browser):
    async with hooked(answer) as (sandbox, _, _api), page_of(browser, sandbox) as page:
        for _ in range(2):
            await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Hook")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Hook")).to_be_focused()
        await page.get_by_role("button", name="Raise").focus()
        await page.keyboard.press("Enter")
        await expect(chat(page)).to_contain_text("Ticket raised")
        await expect(page.get_by_role("button", name="Raise")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.type("one")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("two")
        await page.keyboard.press("Enter")
        await expect(chat(page)).to_contain_text("re: one\ntwo", use_inner_text=True)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await expect(page.locator("#delivery-2 summary")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#delivery-2")).to_contain_text("X-Cliq-Signature")


async def test_it_is_accessible_in_all_colors_and_widths(browser):
    async with hooked(answer) as (sandbox, _, api):
        for text in ("hi", "build", "lunch", "color", "form", "long"):
            await sandbox.say("hook", text)
        await sandbox.choose("hook", "Raise")
        await api.post("/bots/hook/calls", {"text": "Fire!", "user_ids": [JAMES]})
        for width, scheme in itertools.product((1280, 360), ("light", "dark")):
            async with page_of(browser, sandbox, width=width, color_scheme=scheme) as page:
                await expect(page.get_by_role("alert")).to_be_visible()
                await page.locator("#delivery-1 summary").click()
                await expect(page.locator("#delivery-1")).to_contain_text("X-Cliq-Signature")
                results = await axe.Axe().run(page)
                assert results.violations_count == 0, results.generate_report()
                assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_a_page_of_another_site_can_do_nothing(browser):
    async with hooked(answer) as (sandbox, bot, _), Sandbox() as other:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{other.url}/")
        blocked = """async (url) => fetch(url, {method: "POST", mode: "no-cors",
            headers: {"Content-Type": "text/plain"}, body: '{"bot": "hook", "text": "hi"}'})
            .then(() => "sent", () => "blocked")"""
        assert await page.evaluate(blocked, f"{sandbox.url}/sandbox/say") == "blocked"
        await page.goto("about:blank")
        await page.evaluate(blocked, f"{sandbox.url}/sandbox/say")
        await context.close()
        assert (bot.events, sandbox.deliveries) == ([], ())
