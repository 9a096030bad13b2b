"""The parts of the benchmarks: what each measures, and how much of it when it is quick."""

import asyncio
from collections.abc import Callable

import attrs
from bulk import recipients_of_a_file
from calls import calls
from imports import imports
from lockouts import lockouts
from measuring import Row
from processes import sends_of_processes
from quota import take_and_give_back
from quota_stores import sends_by_store, taken_by_processes
from waiters import drained, held
from webhooks import events, receive_alone

Found = tuple[list[Row], dict[str, object]]


@attrs.frozen
class Part:
    """One part.

    Attributes:
        title: What it is about.
        run: Measures it; with `quick=True`, only to see that it runs. Gives the rows to show, and
            whatever else belongs among the results.
    """

    title: str
    run: Callable[..., Found]


def _calls(*, quick: bool) -> Found:
    return (calls(1, 40, 5) if quick else calls(15, 200, 50)), {}


def _stores(*, quick: bool) -> Found:
    rows = asyncio.run(sends_by_store(1 if quick else 21))
    return rows + asyncio.run(taken_by_processes(1 if quick else 7, 100 if quick else 1_000)), {}


def _quota(*, quick: bool) -> Found:
    return asyncio.run(take_and_give_back(3 if quick else 51)), {}


def _waiters(*, quick: bool) -> Found:
    rows = asyncio.run(held(1_000 if quick else 10_000))
    sizes = {200: 1, 400: 1} if quick else {10_000: 3, 100_000: 1}
    return rows + asyncio.run(drained(sizes)), {}


def _bulk(*, quick: bool) -> Found:
    sizes = [5_000, 10_000] if quick else [250_000, 500_000, 1_000_000]
    return asyncio.run(recipients_of_a_file(sizes, 1 if quick else 2)), {}


def _imports(*, quick: bool) -> Found:
    return imports(1 if quick else 15), {}


def _processes(*, quick: bool) -> Found:
    return asyncio.run(sends_of_processes(13 if quick else 250)), {}


def _lockouts(*, quick: bool) -> Found:
    return lockouts(seeds=1 if quick else 20, quick=quick)


def _webhooks(*, quick: bool) -> Found:
    rounds, number = (3, 20) if quick else (11, 300)
    rows = asyncio.run(receive_alone(rounds, number, quick=quick))
    return rows + asyncio.run(events(rounds, number, quick=quick)), {}


PARTS = {
    "lockouts": Part("Lockouts and time to finish, in virtual time", _lockouts),
    "calls": Part("Client CPU of a send and of a page of 50", _calls),
    "stores": Part("The quota's stores", _stores),
    "quota": Part("A token taken and given back", _quota),
    "waiters": Part("Thousands who wait in line", _waiters),
    "bulk": Part("Broadcasts to everybody in a file", _bulk),
    "imports": Part("Imports in a fresh process", _imports),
    "webhooks": Part("An event of a webhook bot, CPU of the server", _webhooks),
    "processes": Part("Four processes on one account, real time at 60 times the speed", _processes),
}
