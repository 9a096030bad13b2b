"""The page of a report in a real browser: every width and color, and nothing of others in it."""

import itertools
from typing import Any

import pytest
from support.browsers import browsing, needs_chromium
from support.cli import zuids

from cliq_async.bulk.report import BroadcastProgress, BulkReport, Outcome
from cliq_async.cli.outputs.job_ledger import JobLedger
from cliq_async.cli.outputs.report_page import ReportPage
from cliq_async.cli.outputs.timeline import Timeline
from cliq_async.hooks import LockDetails, RequestDetails

playwright = pytest.importorskip("playwright.async_api")
axe = pytest.importorskip("axe_playwright_python.async_playwright")
pytestmark = needs_chromium

HOSTILE = "</textarea><script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
MANY = 20_000


@pytest.fixture
async def page_file(tmp_path, clock):
    """The report of a job that was locked and stopped, with hostile texts in all places."""
    line = Timeline("send_message", 60.0, lambda: clock.now)
    hooks: Any = line.hooks
    request = RequestDetails(
        endpoint="send_message", method="POST", status=200, outcome="done", took_s=0.2
    )
    for number in range(100):
        hooks.on_request(request)
        line.record_progress(BroadcastProgress(delivered=100 * number))
        clock.now += 61 if number % 50 == 49 else 0.1
    hooks.on_lock(
        LockDetails(
            endpoint="send_message",
            owner="default",
            until=line.began,
            capacity=40,
            threshold=50,
        )
    )
    people = zuids(MANY)
    outcomes = [
        Outcome(tuple(people[: MANY // 2]), "delivered", ""),
        Outcome((people[MANY // 2],), "failed", HOSTILE, HOSTILE),
        Outcome((HOSTILE, "x" * 5_000, "\u202egnp.exe"), "skipped", "not an id" * 100),
    ]

    async def items():
        for each in people:
            yield each

    path = tmp_path / "report.html"
    with JobLedger(exclude=frozenset()) as ledger:
        await ledger.settle(outcomes, items())
        page = ReportPage(
            bot="supportbot",
            source=HOSTILE,
            verb="Message",
            report=BulkReport(requests=100, lockouts=1, stopped=HOSTILE),
            timeline=line,
            threshold=50,
            unread=None,
        )
        path.write_text("".join(page.render(ledger)))
    return path


async def test_page_is_small_harmless_and_readable_by_everybody(page_file):
    assert page_file.stat().st_size < 12 * MANY
    async with browsing() as browser:
        for width, scheme in itertools.product((1280, 360), ("light", "dark")):
            failures: list[str] = []
            context = await browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme
            )
            page = await context.new_page()
            page.on("console", lambda each, to=failures: to.append(each.text))
            page.on("request", lambda each, to=failures: to.append(each.url))
            await page.goto(page_file.as_uri())
            for each in await page.locator("summary").all():
                await each.click()
            results = await axe.Axe().run(page)
            assert results.violations_count == 0, results.generate_report()
            assert await page.evaluate("document.documentElement.scrollWidth") == width
            assert await page.get_by_role("img").count() == 2
            assert HOSTILE in await page.inner_text("h1")
            assert (await page.title()).startswith("Message from supportbot to ")
            assert await page.locator("script, img").count() == 0
            assert failures == [page_file.as_uri()]
            await context.close()
