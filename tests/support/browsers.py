"""A real browser, and a page of a sandbox in it that keeps its errors."""

import os
import shutil
from contextlib import asynccontextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"
)


@asynccontextmanager
async def browsing():
    """Start the browser."""
    from playwright.async_api import async_playwright

    # A browser that runs as root, as in containers, cannot have its own sandbox.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        await browser.close()


@asynccontextmanager
async def page_of(browser, sandbox, place="", *, width=1280, height=900, **options: Any):
    """Open the page of a sandbox; in the end, nothing has failed and nothing was loaded elsewhere.

    Args:
        browser: The browser.
        sandbox: The sandbox.
        place: The fragment of the address, such as `bot=hook`.
        width: The width of the window.
        height: The height of the window.
        **options: Options of the browser's context.
    """
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(10_000)
    page = await context.new_page()
    failures: list[str] = []
    url = sandbox.url
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    page.on(
        "request",
        lambda each: None if each.url.startswith(url) else failures.append(each.url),
    )
    page.on(
        "console",
        lambda each: failures.append(each.text) if "Content Security" in each.text else None,
    )
    await page.goto(f"{url}/#{place}")
    await page.get_by_text("live", exact=True).wait_for()
    try:
        yield page
        assert failures == []
    finally:
        await context.close()
