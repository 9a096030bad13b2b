"""The commands of the page about reports, one after the other, as a shell runs them."""

import os
import subprocess
import sys

from support.cli import VARIABLES
from support.docs import ROOT, blocks

from cliq_async.testing import sandbox_in_thread


def test_commands_of_the_page_work_one_after_the_other(tmp_path):
    script = "\n".join(blocks(ROOT / "docs/reports.md", "sh"))
    known = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    program = f'cliq() {{ "{sys.executable}" -m cliq_async.cli "$@"; }}\n'
    with sandbox_in_thread(subscribers=120) as sandbox:
        settings = {"CLIQ_BASE_URL": sandbox.url, "CLIQ_ACCESS_TOKEN": "t"}
        settings |= {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["sh", "-eu", "-c", program + script],
            env=known | settings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        report = sandbox.report(recipients=True)["recipients"]
    assert done.returncode == 0, done.stderr
    # The two that go on by the report have nobody left to send to.
    assert sorted(set(report.values())) == [2, 3]
    assert report["55743307"] == 3
    assert (tmp_path / "day.html").stat().st_size > 1_000
