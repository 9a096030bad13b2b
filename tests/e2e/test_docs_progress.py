"""The progress bar of the page about broadcasts, in a real kernel of Jupyter."""

import pytest
from support.cli import VARIABLES
from support.docs import ROOT, blocks

from cliq_async.sandbox import Sandbox

OPEN = "from cliq_async import CliqClient\nclient = await CliqClient.from_env().open()"
CLOSE = "await client.close()"


async def test_progress_bar_in_a_notebook_reaches_the_end(tmp_path, monkeypatch):
    reason = "the group `examples` is not installed"
    nbclient = pytest.importorskip("nbclient", reason=reason)
    nbformat = pytest.importorskip("nbformat", reason=reason)
    (code,) = blocks(ROOT / "docs/broadcast.md", "py")
    cells = [nbformat.v4.new_code_cell(each) for each in (OPEN, code, CLOSE)]
    book = nbformat.v4.new_notebook(cells=cells)
    async with Sandbox(time_scale=60.0, subscribers=1050) as sandbox:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "anything")
        monkeypatch.setenv("CLIQ_TIME_SCALE", "60")
        monkeypatch.setenv("CLIQ_QUOTA", f"sqlite://{tmp_path}/quota.db")
        await nbclient.NotebookClient(book, kernel_name="python3").async_execute()
        assert sandbox.report()["delivered"]["recipients"] == 1050
    (bar,) = book.cells[1].outputs  # one, which was updated in its place
    assert "1050/1050" in bar["data"]["text/plain"]
