"""What a broadcast's report shows, and the exit status that it makes."""

from support.cli import zuids

from cliq_async.bulk.report import BulkReport, Outcome
from cliq_async.cli.outputs.job_report import exit_status, print_report


def report(*outcomes, **counts):
    return BulkReport(outcomes=outcomes, **counts)


def test_exit_status_when_all_is_unknown_is_not_that_of_nothing_done():
    lost = Outcome(("1",), "unknown", "lost")
    assert exit_status(report(lost, unknown=1), "interrupted") == 4
    failed = Outcome(("1",), "failed", "no such user")
    assert exit_status(report(failed, failed=1), "interrupted") == 1
    assert exit_status(report(delivered=1), "interrupted") == 0
    assert exit_status(report(), "interrupted") == 0


def test_the_report_shows_twenty_reasons_at_most(capsys):
    outcomes = [Outcome(tuple(zuids(9)), "failed", f"reason {number}") for number in range(25)]
    print_report(report(*outcomes, *outcomes, failed=450), 500, 61.2)
    lines = capsys.readouterr().out.splitlines()
    assert "not tried        50" in lines
    assert "time       1:01 min" in lines
    assert lines[-1] == "and 5 more; --json has all of them"
    assert sum("reason " in line for line in lines) == 20
    assert "failed           18  55743307, 55743310, 55743313, …  reason 0" in lines
