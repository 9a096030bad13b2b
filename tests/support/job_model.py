"""What a journal may say of each recipient of a job, and how often each may be reached."""

from typing import Any


class JobModel:
    """Who was sent to, who was reached, and what of it is on the disk for certain."""

    def __init__(self, everybody: tuple[str, ...]) -> None:
        self.everybody = everybody
        # For each recipient, what the journal may say of them.
        self.may_be = {who: {"fresh"} for who in everybody}
        self.since: dict[str, set[str]] = {}
        self.reached = dict.fromkeys(everybody, 0)
        self.asked_again = dict.fromkeys(everybody, 0)
        self.resending = False

    # What it learns.

    def written(self) -> None:
        """Whatever was noted before is on the disk for certain."""
        self.since.clear()

    def note(self, ids: tuple[str, ...], status: str) -> None:
        """Something is known of some, and not yet on the disk for certain."""
        for who in ids:
            self.since.setdefault(who, self.may_be[who])
            self.may_be[who] = {status}

    def leaves(self, ids: tuple[str, ...]) -> None:
        """A request to some is about to be sent, which the journal has noted."""
        for who in ids:
            states = self.may_be[who]
            allowed = {"fresh", "waiting"} | ({"unknown"} if self.resending else set())
            assert states & allowed, (who, states)
            self.asked_again[who] += "fresh" not in states and "waiting" not in states
            self.may_be[who] = {"unknown"}

    def arrives(self, ids: tuple[str, ...]) -> None:
        """A request to some is done by the server."""
        for who in ids:
            self.reached[who] += 1
            assert self.reached[who] <= 1 + self.asked_again[who], "nobody gets it twice"

    def ended(self, batch: Any, fate: str) -> None:
        """The job knows what became of a request."""
        if fate in {"no connection", "stopped"}:
            self.note(batch.ids, "unknown" if self.doubtful(batch) else "fresh")
        elif fate == "split":
            self.split(batch)
        else:
            doubtful = fate == "failed" and self.doubtful(batch)
            self.note(batch.ids, "unknown" if doubtful else fate)

    def doubtful(self, batch: Any) -> bool:
        """Whether they may have been reached by a request before this one."""
        return any(self.asked_again[who] for who in batch.ids)

    def split(self, batch: Any) -> None:
        parts = len(batch) > 1 and (batch.budget is None or batch.budget.left >= 2)
        status = "waiting" if parts else "failed"
        self.note(batch.ids, "unknown" if self.doubtful(batch) else status)
        if parts and self.doubtful(batch):
            for who in batch.ids:
                self.may_be[who] = {"unknown", "waiting"}

    def killed(self) -> None:
        """What was not on the disk for certain may be as it was before, or as it is noted."""
        for who, before in self.since.items():
            self.may_be[who] = self.may_be[who] | before
        self.since.clear()

    # What holds.

    @property
    def over(self) -> bool:
        """Whether nobody is left to send to."""
        return all("fresh" not in s and "waiting" not in s for s in self.may_be.values())

    def begun(self) -> list[int]:
        """The places of those of whom the journal has something for certain."""
        return [n for n, who in enumerate(self.everybody) if "fresh" not in self.may_be[who]]

    def check_reached(self) -> None:
        for who, states in self.may_be.items():
            assert states != {"delivered"} or self.reached[who] >= 1
            assert states != {"fresh"} or self.reached[who] == 0

    def check_report(self, report: Any) -> None:
        """A report says what is known here, and is known from now on."""
        said: dict[str, str] = {}
        for outcome in report.outcomes:
            for who in outcome.ids:
                assert who not in said, "everybody is in one outcome"
                said[who] = outcome.status
        for who, status in said.items():
            assert status in self.may_be[who], (who, status, self.may_be[who])
        for status in ("failed", "unknown"):
            assert list(said.values()).count(status) == getattr(report, status)
        rest = [who for who in self.everybody if who not in said]
        delivered = [who for who in rest if self.may_be[who] & {"delivered"}]
        sure = [who for who in rest if self.may_be[who] == {"delivered"}]
        assert len(sure) <= report.delivered <= len(delivered)
        for who, status in said.items():
            self.may_be[who] = {status}
        if report.stopped is None:
            assert report.delivered == len(rest), "nobody is lost"
            for who in rest:
                self.may_be[who] = {"delivered"}
