"""The report of a bulk job as one HTML file, which needs no script and loads nothing."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import attrs

from cliq_async.bulk.report import BulkReport
from cliq_async.cli.outputs.job_ledger import JobLedger
from cliq_async.cli.outputs.timeline import Timeline
from cliq_async.cli.text import clean, duration, plural

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["ReportPage"]

_WIDTH: Final = 1000
_HEIGHT: Final = 100
_HEADROOM: Final = 1.25
_MAX_GROUPS: Final = 500
_TITLES: Final = {
    "delivered": "Delivered",
    "failed": "Failed: not delivered",
    "unknown": "Unknown: sent, but not confirmed",
    "skipped": "Skipped: not sent to",
    "left": "Left: not sent to",
}
_BUFFERED: Final = 500
"""The pieces of the page that are written at once."""


@attrs.frozen(kw_only=True)
class ReportPage:
    """The report of a job as a page.

    Attributes:
        bot: The bot's unique name.
        source: The name of the recipients' source.
        verb: The verb of the job, such as `Message`.
        report: The report.
        timeline: The requests and deliveries of this run.
        threshold: The requests that a window allows.
        unread: The reason why not all who are left are known, or None.
    """

    bot: str
    source: str
    verb: str
    report: BulkReport
    timeline: Timeline
    threshold: int
    unread: str | None

    def render(self, ledger: JobLedger) -> Iterable[str]:
        """Return the parts of the page."""
        groups = ledger.groups()
        counts = dict.fromkeys(_TITLES, 0)
        for each in groups:
            counts[each.status] += each.count
        line = self.timeline
        stream = _template().stream(
            title=f"{self.verb} from {clean(self.bot)} to {clean(self.source)}",
            summary=_summary(counts),
            stopped=None if self.report.stopped is None else clean(self.report.stopped),
            unread=self.unread,
            facts=self._facts(counts),
            line=line,
            earlier=self._earlier(),
            chart=_Chart(line, self.threshold) if line.points else None,
            threshold=self.threshold,
            window=f"{line.window_s:g} s",
            groups=[
                (_TITLES[each.status], each, clean(each.reason), _lines(ledger.ids(each)))
                for each in groups[:_MAX_GROUPS]
            ],
            more=max(0, len(groups) - _MAX_GROUPS),
            plural=plural,
        )
        stream.enable_buffering(_BUFFERED)
        return stream

    def _facts(self, counts: dict[str, int]) -> list[tuple[str, str]]:
        line, report = self.timeline, self.report
        ended = line.began + timedelta(seconds=line.took_s)
        return [
            *((name, f"{count:,}") for name, count in counts.items()),
            ("requests", f"{report.requests:,}"),
            ("locks", f"{report.lockouts:,}"),
            ("began", f"{line.began:%Y-%m-%d %H:%M:%S %Z}"),
            ("ended", f"{ended:%Y-%m-%d %H:%M:%S %Z}"),
            ("took", duration(line.took_s)),
        ]

    def _earlier(self) -> str | None:
        start = self.report.journal
        if start is None or start.state == "new":
            return None
        return (
            f"Earlier runs dealt with {plural(start.done, 'recipient')}. The chart and the number "
            "of requests show the last run only."
        )


class _Chart:
    """The lines of the chart, in a box that is stretched to the page.

    Attributes:
        requests: The path of the requests in a window.
        delivered: The path of the recipients delivered to.
        allowed: The height of the threshold, in percent from the top.
        locks: The left edge and the width of each lock.
        most: The most recipients delivered to.
        ticks: The labels of the time axis.
    """

    def __init__(self, line: Timeline, threshold: int) -> None:
        top = max(threshold, line.peak) * _HEADROOM
        self._length_s = max(line.took_s, line.width_s)
        self._width_s = line.width_s
        self.allowed = round(_HEIGHT * (1 - threshold / top), 1)
        self.requests = self._path([each.requests / top for each in line.points])
        self.most = line.points[-1].delivered
        first = line.first or 0
        added = max(1, self.most - first)
        self.delivered = self._path(
            [(each.delivered - first) / added / _HEADROOM for each in line.points]
        )
        self.locks = [
            (round(self._x(start), 1), round(self._x(end) - self._x(start), 1))
            for start, end in line.locks
        ]
        self.ticks = [duration(self._length_s * each / 4) for each in range(5)]

    def _path(self, heights: list[float]) -> str:
        """Return an area of steps, without those that change nothing."""
        parts, last = [f"M0 {_HEIGHT}"], None
        for number, height in enumerate(heights):
            y = round(_HEIGHT * (1 - height), 1)
            if y != last:
                parts.append(f"H{self._x(number * self._width_s):.1f}V{y:g}")
                last = y
        return "".join([*parts, f"H{_WIDTH}V{_HEIGHT}Z"])

    def _x(self, seconds: float) -> float:
        return min(_WIDTH, _WIDTH * seconds / self._length_s)


def _summary(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    summary = f"Delivered to {counts['delivered']:,} of {plural(total, 'recipient')}."
    if counts["left"]:
        summary += f" {counts['left']:,} are left."
    return summary


def _lines(ids: Iterator[str]) -> Iterator[str]:
    for each in ids:
        yield clean(each, 100)


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - few commands need it

    text = files("cliq_async.cli.outputs").joinpath("report_page.html").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text)
