"""Owns: H1 over groups of the consumer protocol: what members were told holds in every state a crash can leave."""

from tests.crash.broker_images import judge
from tests.crash.consumer_group_scene import ConsumerGroupScene
from tests.crash.effort import Effort
from tests.crash.tally import Tally


def test_what_members_were_told_holds_after_every_crash(effort: Effort, tally: Tally) -> None:
    images = judge(ConsumerGroupScene, effort.broker_images_every)
    assert images.recoveries > 50
    tally.add(images)
