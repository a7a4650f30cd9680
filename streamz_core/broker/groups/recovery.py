"""Committed offsets and the topics there are after a crash.

Owns: forgetting the offsets of topics whose deletion was interrupted.
Must not know: how a topic is deleted; transactions, which have ended when this runs.

A topic is gone before its offsets are. Read as offsets in a successor of the same name, they would make a
group pass over records without a word.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.broker.log_failures import LOG_FAILURES

if TYPE_CHECKING:
    from streamz_core.broker.groups.coordinator import GroupCoordinator

_log = logging.getLogger(__name__)


def forget_gone_topics(coordinator: GroupCoordinator) -> None:
    """Forget every offset of a partition that is not there."""
    for live in coordinator.groups():
        gone = [one for one in live.offsets.partitions if coordinator.services.log(*one) is None]
        if not gone:
            continue
        live.offsets.forget(gone)
        try:
            coordinator.offsets_log.write_tombstones(live.group.group_id, gone)
        except LOG_FAILURES as failure:
            # A full disk must not keep the broker from serving reads: the next opening does it again.
            _log.error("group %r: offsets of deleted topics stay on disk: %s", live.group.group_id, failure)
        coordinator.drop_if_unused(live)
