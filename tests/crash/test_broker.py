"""Owns: H1 over produce and fetch: what the broker told anybody holds in every state a crash can leave."""

from tests.crash.broker_images import judge
from tests.crash.produce_scene import ProduceScene
from tests.crash.tally import Tally


def test_what_was_told_holds_after_every_crash(tally: Tally) -> None:
    images = judge(ProduceScene)
    assert images.recoveries > 100
    tally.add(images)
