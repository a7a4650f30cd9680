"""Owns: H1 over groups: what one was told holds in every state a crash can leave."""

from tests.crash.broker_images import judge
from tests.crash.effort import Effort
from tests.crash.group_scene import GroupScene
from tests.crash.tally import Tally


def test_what_a_group_was_told_holds_after_every_crash(effort: Effort, tally: Tally) -> None:
    images = judge(GroupScene, effort.broker_images_every)
    assert images.recoveries > 50
    tally.add(images)
