"""Lockouts and the time to finish, of cliq_async and of what its users could take instead.

1,000 messages at 50 a minute, a lock of 10 minutes, delays with a heavy tail (log-normal, 80 ms in
the median and 1.5 s at the 99th percentile, each way), and a server that counts in a rolling
window, in a fixed one of any phase, or as a token bucket. Time is moved. Everybody who is refused
waits until the lock has ended and sends the refused ones again, so that everybody finishes; see
sending.py. What happens to the programs is told in scenarios.py.
"""

from contenders import CONTENDERS, NONE, OURS, OURS_BARE
from installed import left_out
from measuring import Row
from runs import run_all, summed_up, tasks
from scenarios import HELD, SCENARIOS
from stricter import CASES

_LOCKS_A_DAY = 4
_RECIPIENTS_A_MINUTE = 5000
_PLAIN = SCENARIOS["plain"].sends


def lockouts(*, seeds: int, quick: bool = False) -> tuple[list[Row], dict]:
    """Run it all on all cores; the rows to show, and everything that was found, for JSON."""
    done = run_all(list(tasks(seeds, quick=quick)))
    found = {
        "seeds": seeds,
        **summed_up(done),
    }
    rows = [*_of_promises(found), *_of_peers(found)]
    rows += [left_out(each.name) for each in CONTENDERS.values() if not each.installed]
    return rows, found


def _of_promises(found: dict) -> list[Row]:
    ours = [each for each in found["results"] if each["contender"] in (OURS, OURS_BARE)]
    held = [each for each in ours if each["scenario"] in HELD]
    locked, runs = sum(each["lockouts"] for each in held), sum(each["runs"] for each in held)
    rows = [Row("cliq_async: lockouts", f"{locked} in {runs} runs", None, "0", locked == 0)]
    for name, bar in ((OURS_BARE, 1.015), (OURS, 1.035)):
        ratio = max(each["ratio_mean"] for each in _select(found, name, "plain"))
        what = f"{name}: {_PLAIN:,} sends over the shortest"
        rows.append(Row(what, f"{ratio:.3f}", ratio, f"≤ {bar}", ratio <= bar))
    first = min(each["first_minute"] for each in found["broadcasts"])
    enough = first >= _RECIPIENTS_A_MINUTE and not any(e["locks"] for e in found["broadcasts"])
    rows.append(
        Row(
            "recipients a minute, broadcast",
            f"{first:,}",
            first / 50,
            f"{_RECIPIENTS_A_MINUTE:,}; 50 one by one",
            enough,
        )
    )
    for case in CASES:
        for each in found["days"]:
            if each["case"] == case:
                most = max(each["locks"])
                ours_too = each["contender"] == OURS
                rows.append(
                    Row(
                        f"locks in {each['hours']:.0f} h, {case}: {_name(each['contender'])}",
                        f"{most}, {each['sent']:,.0f} sent",
                        None,
                        f"≤ {_LOCKS_A_DAY}" if ours_too else "",
                        not ours_too or most <= _LOCKS_A_DAY,
                    )
                )
    return rows


def _name(contender: str) -> str:
    return "retry alone" if contender == NONE else contender


def _select(found: dict, contender: str, scenario: str) -> list[dict]:
    return [
        each
        for each in found["results"]
        if (each["contender"], each["scenario"]) == (contender, scenario)
    ]


def _of_peers(found: dict) -> list[Row]:
    """Of each contender and scenario, over all servers: how many runs had a lock, and how long."""
    rows = []
    for contender in CONTENDERS:
        for scenario in SCENARIOS:
            selected = _select(found, contender, scenario)
            if not selected:
                continue
            what = f"{contender}, {scenario}"
            if scenario == "counted":
                rows.append(Row(what, f"{selected[0]['peak']} in a window at most"))
                continue
            locked, runs = (sum(each[name] for each in selected) for name in ("locked", "runs"))
            ratio = sorted(each["ratio"] for each in selected)[len(selected) // 2]
            rows.append(Row(what, f"locked in {locked} of {runs}", ratio))
    return rows
