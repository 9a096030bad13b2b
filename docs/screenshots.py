"""Take the pictures of the sandbox's page: `make docs`. Without chromium, there are none."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from cliq_async import CliqClient, MemoryStore, NewBot, NewHandler
from cliq_async.sandbox import Sandbox

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

_TRIP: Final = {
    "text": "Your trip is *booked*, have a good time.",
    "card": {"theme": "modern-inline", "title": "Hamburg, 2 to 4 June"},
    "slides": [
        {
            "type": "table",
            "title": "Trains",
            "data": {
                "headers": ["Train", "From", "Leaves", "Arrives"],
                "rows": [
                    {"Train": "ICE 78", "From": "Frankfurt", "Leaves": "09:58", "Arrives": "13:35"},
                    {"Train": "ICE 79", "From": "Hamburg", "Leaves": "16:24", "Arrives": "20:00"},
                ],
            },
        },
        {"type": "label", "data": [{"label": "Hotel", "value": "At the harbor"}]},
    ],
    "buttons": [
        {
            "label": "Open the map",
            "action": {"type": "open.url", "data": {"web": "https://www.openstreetmap.org/"}},
        }
    ],
}
_QUESTIONS: Final = {
    "text": "With pleasure.",
    "context": {
        "id": "trip",
        "params": [
            {"name": "where", "question": "Where do you want to go?"},
            {
                "name": "how",
                "question": "By train or by plane?",
                "suggestions": {"list": [{"text": "Train"}, {"text": "Plane"}]},
            },
        ],
    },
}
_ANSWERS: Final[dict[str, Any]] = {
    "message_handler": {"text": "Hello! I book trips: choose one in the menu."},
    "action_handler": _QUESTIONS,
    "context_handler": _TRIP,
}


async def _answer(request: web.Request) -> web.Response:
    event = await request.json()
    return web.json_response({"output": _ANSWERS[event["handler"]["type"]]})


@asynccontextmanager
async def _serving() -> AsyncIterator[str]:
    """Run the bot. Yields its URL."""
    app = web.Application()
    app.router.add_post("/cliq", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/cliq"
    finally:
        await runner.cleanup()


async def _play(sandbox: Sandbox, url: str) -> None:
    """Make the bot, and let a person and a program do what the pictures show."""
    async with CliqClient("any", base_url=sandbox.url, quota=MemoryStore()) as client:
        bot = await client.bots.create(
            NewBot(
                "Travel Desk",
                description="Books trips",
                execution_type="webhook",
                execution_url=url,
            )
        )
        for handler in (
            NewHandler("message_handler", permissions=["message", "user"]),
            NewHandler("context_handler", permissions=["user"]),
            NewHandler("menu_handler", name="Book a trip", permissions=["user"]),
        ):
            await client.handlers.create(bot.id, handler)
        for number in range(30):
            await client.messages.send("supportbot", f"Build {number}", broadcast=True)
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as session:
        for _ in range(31):  # one more than the threshold
            await session.get(f"{sandbox.url}/api/v3/bots")
    name = "traveldesk"
    await sandbox.say(name, "Hello")
    await sandbox.choose(name, "Book a trip")
    await sandbox.say(name, "Hamburg")
    await sandbox.press(name, "Train")


async def _take(folder: Path, chromium: str) -> None:
    from playwright.async_api import async_playwright  # noqa: PLC0415 - it may be missing

    # A browser that runs as root, as in containers, cannot have its own sandbox.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with Sandbox() as sandbox, _serving() as url, async_playwright() as play:
        await _play(sandbox, url)
        browser = await play.chromium.launch(executable_path=chromium, args=options)
        for scheme in ("light", "dark"):
            page = await browser.new_page(
                viewport={"width": 1280, "height": 860}, color_scheme=scheme
            )
            await page.goto(f"{sandbox.url}/#bot=traveldesk")
            await page.get_by_text("Hotel").wait_for()
            await page.screenshot(path=folder / f"page-{scheme}.png")
        await browser.close()


def main(folder: Path) -> None:
    """Take the pictures, if that is possible here."""
    chromium = next(filter(None, map(shutil.which, _NAMES)), None)
    if chromium is None:
        sys.stderr.write("no pictures of the sandbox's page: chromium is not installed\n")
        return
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take(folder, chromium))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
