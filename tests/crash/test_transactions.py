"""Owns: H1 over transactions: all or nothing in every state a crash can leave."""

from functools import partial

import pytest

from streamz_core.protocol.messages.transaction_version import TransactionVersion
from tests.crash.broker_images import judge
from tests.crash.effort import Effort
from tests.crash.processes import Processes
from tests.crash.tally import Tally
from tests.crash.transaction_scene import TransactionScene


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param({}, id="restarts"),
        pytest.param({"owner_stays": True}, id="stays"),
        pytest.param({"acks": 1}, id="acks-1"),
    ],
)
@pytest.mark.parametrize("version", TransactionVersion)
def test_transactions_are_whole_after_every_crash(
    version: TransactionVersion, variant: dict[str, int], effort: Effort, processes: Processes, tally: Tally
) -> None:
    scene = partial(TransactionScene, version, **variant)
    parts, every = processes.count, effort.broker_images_every
    begun = [processes.start(judge, scene, every, part, parts) for part in range(parts)]
    for result in begun:
        images = result()
        assert images.recoveries > 50
        tally.add(images)
