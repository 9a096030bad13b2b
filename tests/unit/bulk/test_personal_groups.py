"""Groups of equal messages: they lose nobody, are as few as can be, and fit into memory."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, strategies as st

import cliq_async.bulk.personal as personal_module
from cliq_async.bulk.batch import Batch
from cliq_async.bulk.personal import PersonalSource
from cliq_async.bulk.recipients import RecipientFilter
from cliq_async.testing import run_in_virtual_time


async def batches_of(pairs, *, size=3):
    skipped: list[Any] = []
    source = PersonalSource(
        pairs, lambda pair: pair, size, RecipientFilter(lambda *item: skipped.append(item))
    )
    found: list[Batch] = []
    await source.prepare()
    while (batch := await source.next()) is not None:
        found.append(batch)
        assert source.left is not None
    assert source.left == 0
    await source.close()
    return found


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from([b"a", b"bb", b"ccc"]))))
def test_groups_lose_nobody_and_are_as_few_as_can_be(pairs):
    batches = run_in_virtual_time(batches_of(pairs))
    got = Counter((int(each), batch.content) for batch in batches for each in batch.ids)
    assert got == Counter(pairs)
    assert [batch.position for batch in batches] == list(range(len(batches)))
    texts = Counter(content for _, content in pairs)
    assert len(batches) == sum(-(-many // 3) for many in texts.values())


@given(st.lists(st.integers(0, 9), max_size=60))
def test_groups_that_take_too_much_memory_go_as_they_are(texts):
    def limited(most_open, most_bytes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(personal_module, "_MAX_OPEN_RECIPIENTS", most_open)
            patch.setattr(personal_module, "_MAX_OPEN_BYTES", most_bytes)
            pairs = [(n + 1, b"%d" % text) for n, text in enumerate(texts)]
            batches = run_in_virtual_time(batches_of(pairs))
        assert Counter(each for batch in batches for each in batch.ids) == Counter(
            str(n + 1) for n in range(len(texts))
        )

    limited(4, 1 << 20)
    limited(1 << 20, 4)
