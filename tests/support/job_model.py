"""A model of a job: the statuses a journal may hold for each recipient, and who was reached."""

from typing import Any


class JobModel:
    """The recipients of a job: sent to, reached, and durably recorded."""

    def __init__(self, everybody: tuple[str, ...]) -> None:
        self.everybody = everybody
        # The statuses that the journal may hold, by recipient.
        self.may_be = {who: {"fresh"} for who in everybody}
        self.since: dict[str, set[str]] = {}
        self.reached = dict.fromkeys(everybody, 0)
        self.asked_again = dict.fromkeys(everybody, 0)
        self.resending = False

    # Events.

    def written(self) -> None:
        """All records so far are durable."""
        self.since.clear()

    def note(self, ids: tuple[str, ...], status: str) -> None:
        """The status of some recipients is recorded, but not durable yet."""
        for who in ids:
            self.since.setdefault(who, self.may_be[who])
            self.may_be[who] = {status}

    def leaves(self, ids: tuple[str, ...]) -> None:
        """A request to some recipients, marked in the journal, is about to be sent."""
        for who in ids:
            states = self.may_be[who]
            allowed = {"fresh", "waiting"} | ({"unknown"} if self.resending else set())
            assert states & allowed, (who, states)
            self.asked_again[who] += "fresh" not in states and "waiting" not in states
            self.may_be[who] = {"unknown"}

    def arrives(self, ids: tuple[str, ...]) -> None:
        """The server has carried out a request to some recipients."""
        for who in ids:
            self.reached[who] += 1
            assert self.reached[who] <= 1 + self.asked_again[who], "no recipient gets it twice"

    def ended(self, batch: Any, fate: str) -> None:
        """The job knows the outcome of a request."""
        if fate in {"no connection", "stopped"}:
            self.note(batch.ids, "unknown" if self.doubtful(batch) else "fresh")
        elif fate == "split":
            self.split(batch)
        else:
            doubtful = fate == "failed" and self.doubtful(batch)
            self.note(batch.ids, "unknown" if doubtful else fate)

    def doubtful(self, batch: Any) -> bool:
        """Return whether an earlier request may have reached the batch."""
        return any(self.asked_again[who] for who in batch.ids)

    def split(self, batch: Any) -> None:
        parts = len(batch) > 1 and (batch.budget is None or batch.budget.left >= 2)
        status = "waiting" if parts else "failed"
        self.note(batch.ids, "unknown" if self.doubtful(batch) else status)
        if parts and self.doubtful(batch):
            for who in batch.ids:
                self.may_be[who] = {"unknown", "waiting"}

    def killed(self) -> None:
        """The program died: records that are not durable may be lost or kept."""
        for who, before in self.since.items():
            self.may_be[who] = self.may_be[who] | before
        self.since.clear()

    # Invariants.

    @property
    def over(self) -> bool:
        """True if no recipient is left to send to."""
        return all("fresh" not in s and "waiting" not in s for s in self.may_be.values())

    def begun(self) -> list[int]:
        """Return the positions of the recipients that are certainly in the journal."""
        return [n for n, who in enumerate(self.everybody) if "fresh" not in self.may_be[who]]

    def check_reached(self) -> None:
        for who, states in self.may_be.items():
            assert states != {"delivered"} or self.reached[who] >= 1
            assert states != {"fresh"} or self.reached[who] == 0

    def check_report(self, report: Any) -> None:
        """Check a report against the model, and narrow the model to the report."""
        said: dict[str, str] = {}
        for outcome in report.outcomes:
            for who in outcome.ids:
                assert who not in said, "each recipient is in one outcome"
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
            assert report.delivered == len(rest), "no recipient is lost"
            for who in rest:
                self.may_be[who] = {"delivered"}
