"""Every Python block of the documentation runs, against a sandbox."""

import ast
import asyncio
import inspect
import re
from pathlib import Path

import pytest

import cliq_async
from cliq_async import ENDPOINTS, CliqClient, MemoryStore
from cliq_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = ["docs/guide.md", "docs/sandbox.md"]


def blocks(page):
    return BLOCK.findall((ROOT / page).read_text())


async def run(code, names):
    """Run a block, with await at the top, and the tests that it defines."""
    compiled = compile(code, "docs", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    known = set(names)
    result = eval(compiled, names)
    if inspect.iscoroutine(result):
        await result
    for name in set(names) - known:
        if name.startswith("test_"):
            await names[name]()


@pytest.mark.parametrize("page", PAGES)
async def test_the_blocks_of_a_page_run_one_after_the_other(page, monkeypatch, capsys):
    async def my_async_function():
        return "token"

    async with Sandbox(subscribers=120) as sandbox:
        monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "token")
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        async with CliqClient("token", base_url=sandbox.url, quota=MemoryStore()) as client:
            ids = [user.user_id async for user in client.subscribers.iter("supportbot")]
            names = vars(cliq_async) | {
                "client": client,
                "ids": ids,
                "text": "Hello",
                "user_id": ids[0],
                "later": print,
                "my_async_function": my_async_function,
                "client_id": "1000.A",
                "client_secret": "secret",
                "refresh_token": "1000.r",
            }
            for code in blocks(page):
                await run(code.replace("55743307", ids[0]), names)
        assert sandbox.report()["lockouts"] == []


async def test_the_readme_works_as_it_stands(monkeypatch, capsys):
    (code,) = blocks("README.md")
    async with Sandbox(subscribers=250) as sandbox:
        monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "readme")
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        await asyncio.to_thread(exec, compile(code, "README.md", "exec"), {})
        assert capsys.readouterr().out == "250 0 0 None\n"
        assert sandbox.report()["delivered"]["max_per_recipient"] == 1


def test_the_endpoint_page_is_the_table():
    rows = [
        f"| `{row.name}` | {row.method} `{row.path}` | {row.limit.threshold} "
        f"| {row.limit.window_s:g} s | {row.limit.lock_s:g} s | {', '.join(row.scopes)} |"
        for row in ENDPOINTS.values()
    ]
    page = (ROOT / "docs/endpoints.md").read_text().splitlines()
    assert [line for line in page if line.startswith("| `")] == rows


def test_links_between_the_pages_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).exists(), (page, target)
