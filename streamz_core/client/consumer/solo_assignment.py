"""The assignment of a consumer without a group.

Owns: ``SoloAssignment``: every partition of every topic subscribed to is this consumer's, also those
that come later.
Must not know: groups, fetching.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import wait_for
from streamz_core.client.errors import KafkaError
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from streamz_core.client.consumer.subscription import Subscription
    from streamz_core.client.metadata import MetadataCache
    from streamz_core.client.request import Requests

_log = logging.getLogger(__name__)


class SoloAssignment:
    """Follows the metadata of the subscribed topics; ``run`` is its task."""

    def __init__(
        self,
        requests: Requests,
        metadata: MetadataCache,
        subscription: Subscription,
        *,
        max_age_ms: float,
        exclude_internal_topics: bool,
        reset_to: str,
    ) -> None:
        self._requests = requests
        self._metadata = metadata
        self._subscription = subscription
        self._max_age_ms = max_age_ms
        self._exclude_internal_topics = exclude_internal_topics
        self._reset_to = reset_to
        self._is_wanted = asyncio.Event()

    def assign_soon(self) -> None:
        """The subscription changed: have ``run`` assign anew."""
        self._is_wanted.set()

    async def run(self) -> None:
        """Assign anew when asked, and every ``metadata_max_age_ms``."""
        while True:
            try:
                await wait_for(self._requests.clock, self._is_wanted.wait(), self._max_age_ms)
            except TimeoutError:
                _log.debug("looking for new topics and partitions")
            self._is_wanted.clear()
            try:
                await self.assign()
            except KafkaError as error:
                _log.warning("the subscribed topics are not known: %s", error)

    async def assign(self) -> None:
        """Take every partition there is; positions of those held already stay."""
        if not self._subscription.is_automatic:
            return
        if self._subscription.pattern is not None:
            cluster = await self._metadata.refresh()
            self._subscription.match(cluster.topics(self._exclude_internal_topics))
        else:
            for topic in self._subscription.topics:
                await self._metadata.partitions_of(topic)
            await self._metadata.refresh_topics(self._subscription.topics)
        partitions = {
            TopicPartition(topic, partition)
            for topic in self._subscription.topics
            for partition in self._metadata.cluster.partitions_for_topic(topic) or ()
        }
        if partitions != self._subscription.partitions():
            self._subscription.assign(partitions, self._reset_to)
