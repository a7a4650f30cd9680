"""``Topics``: what the runtime asks of and about topics.

Owns: partition counts, the topics the runtime creates (changelogs and dead letters), co-partitioning,
and the identity of a changelog.
Must not know: consumers, tasks, records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamz_core.client.errors import error_for
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.protocol.messages.configs import (
    ConfigResourceType,
    DescribeConfigsRequest,
    DescribeConfigsResource,
)
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    named,
)
from streamz_core.state.changelog import topic_config, topic_name
from streamz_core.streams.bound_topology import bound
from streamz_core.streams.error_policy import ErrorAction
from streamz_core.streams.runtime.failures import dead_letter_topic
from streamz_core.streams.runtime.source_changelog import source_changelogs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.request import Requests
    from streamz_core.protocol.messages.metadata import MetadataResponse
    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.runtime.source_changelog import SourceChangelog
    from streamz_core.streams.topology import SubTopology, Topology


class MissingTopic(Misuse):
    """A source topic does not exist; create it, or let the app declare it."""


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as the broker has it; ``identity`` is another one once it was deleted and made again."""

    partitions: int
    identity: str


class Topics:
    """Topic metadata as the runtime needs it, remembered for output topics."""

    def __init__(self, requests: Requests, app_id: str) -> None:
        """``requests`` reaches the broker; ``app_id`` prefixes the names of changelogs."""
        self._requests = requests
        self._app_id = app_id
        self._counts: dict[str, int] = {}

    async def source_counts(self, topology: Topology) -> tuple[Topology, dict[str, int]]:
        """The topology with what patterns stand for now, and the partition counts of all that is read.

        Raises ``MissingTopic`` for one that is read by name, and ``Misuse`` where topics do not go together.
        """
        if topology.patterns:
            answer = await self._requests.send(
                MetadataRequest(topics=None, allow_auto_topic_creation=False), "looking for topics"
            )
        else:
            answer = await self._describe({*topology.topics, *topology.named_topics}, create=False)
        present = {topic.name: len(topic.partitions) for topic in answer.topics if not topic.error_code}
        foreign = [topic.name for topic in answer.topics if topic.name in present and not topic.is_internal]
        topology = bound(topology, foreign, self._app_id)
        read = dict.fromkeys((*topology.topics, *topology.named_topics))
        self._refuse_missing([topic for topic in read if topic not in present])
        counts = {topic: present[topic] for topic in read}
        for part in topology.subtopologies:
            _check_copartitioned(part, counts)
        return topology, counts

    async def source_changelogs(self, topology: Topology) -> dict[str, SourceChangelog]:
        """The stores whose source topic is their changelog as well, by name.

        It is where the topic keeps the latest record of every key, and there is no changelog from before.
        """
        candidates = source_changelogs(topology)
        own = {name: topic_name(self._app_id, name) for name in candidates}
        if not own:
            return {}
        known = await self._describe(own.values(), create=False)
        present = {topic.name for topic in known.topics if not topic.error_code}
        keeping = await self._keeping_all_keys({candidate.topic for candidate in candidates.values()})
        return {
            name: candidate
            for name, candidate in candidates.items()
            if own[name] not in present and candidate.topic in keeping
        }

    async def find(self, names: Iterable[str]) -> dict[str, FoundTopic]:
        """Topics that must be there. Raises ``MissingTopic``."""
        wanted = list(names)
        if not wanted:
            return {}
        answer = await self._describe(wanted, create=False)
        found = {
            topic.name: FoundTopic(len(topic.partitions), f"{answer.cluster_id}/{topic.topic_id}")
            for topic in answer.topics
            if not topic.error_code
        }
        self._refuse_missing([name for name in wanted if name not in found])
        return found

    async def create_internal(
        self, topology: Topology, counts: Mapping[str, int], sources: Mapping[str, SourceChangelog]
    ) -> tuple[dict[str, str], dict[str, int]]:
        """Create changelogs and dead-letter topics that are missing, with their sources' counts.

        ``sources`` are the stores that need no changelog of their own. Returns the changelogs' identities by
        store, and the counts of all these topics.
        """
        wanted = {
            topic.name: topic
            for part in topology.subtopologies
            for topic in self._internal(part, counts, sources)
        }
        identities = await self._source_identities(sources)
        if not wanted:
            return identities, {}
        known = await self._describe(list(wanted), create=False)
        present = {topic.name for topic in known.topics if not topic.error_code}
        await self._create([topic for name, topic in wanted.items() if name not in present])
        answer = await self._describe(list(wanted), create=False)
        described = {topic.name: topic for topic in answer.topics if not topic.error_code}
        for part in topology.subtopologies:
            for store in part.stores:
                topic = described.get(topic_name(self._app_id, store.name))
                if store.changelog and topic is not None and store.name not in sources:
                    _check_changelog(topic.name, len(topic.partitions), wanted[topic.name].num_partitions)
                    identities[store.name] = f"{answer.cluster_id}/{topic.topic_id}"
        self._counts.update((name, len(topic.partitions)) for name, topic in described.items())
        return identities, {name: len(topic.partitions) for name, topic in described.items()}

    async def count_partitions(self, topics: Iterable[str]) -> Mapping[str, int]:
        """The partition counts of output topics; those that do not exist are created if they may be."""
        unknown = [topic for topic in topics if topic not in self._counts]
        if unknown:
            answer = await self._describe(unknown, create=True)
            for topic in answer.topics:
                if topic.error_code:
                    raise error_for(
                        topic.error_code, f"app {self._app_id!r} cannot send to topic {topic.name!r}"
                    )
                self._counts[topic.name] = len(topic.partitions)
        return self._counts

    def known_partitions(self, topic: str) -> int:
        """The partition count of an output topic that was counted before; raises ``Misuse``."""
        try:
            return self._counts[topic]
        except KeyError:
            raise Misuse(
                f"app {self._app_id!r} does not know yet how many partitions topic {topic!r} has; choose the "
                "partition of topics that the app names when it starts"
            ) from None

    async def _source_identities(self, sources: Mapping[str, SourceChangelog]) -> dict[str, str]:
        if not sources:
            return {}
        answer = await self._describe([source.topic for source in sources.values()], create=False)
        ids = {topic.name: topic.topic_id for topic in answer.topics}
        return {name: f"{answer.cluster_id}/{ids[source.topic]}" for name, source in sources.items()}

    async def _keeping_all_keys(self, topics: Iterable[str]) -> set[str]:
        """Those topics that never lose the latest record of a key, as they are configured now."""
        request = DescribeConfigsRequest(
            resources=[
                DescribeConfigsResource(
                    resource_type=ConfigResourceType.TOPIC,
                    resource_name=topic,
                    configuration_keys=list(_KEEPING),
                )
                for topic in sorted(topics)
            ]
        )
        answer = await self._requests.send(request, "describing the configuration of tables' topics")
        return {
            result.resource_name
            for result in answer.results
            if not result.error_code and _keeps_all_keys({c.name: c.value or "" for c in result.configs})
        }

    def _internal(
        self, part: SubTopology, counts: Mapping[str, int], sources: Mapping[str, SourceChangelog]
    ) -> list[CreatableTopic]:
        if not part.topics:
            return []  # of a pattern that nothing matches yet
        partitions = max(counts[topic] for topic in part.topics)
        internal = [
            CreatableTopic(
                name=topic_name(self._app_id, store.name),
                num_partitions=partitions,
                replication_factor=1,
                configs=topic_config(store.changelog_config),
            )
            for store in part.stores
            if store.changelog and store.name not in sources
        ]
        for source in part.sources:
            policies = [source.on_decode_error]
            for spec in part.processors:
                if source.name in spec.sources:
                    policies += [spec.on_error, *spec.step_policies]
            internal += [
                CreatableTopic(name=name, num_partitions=counts[topic], replication_factor=1)
                for topic in source.topics
                for name in _dead_letter_topics(policies, topic)
            ]
        return internal

    def _refuse_missing(self, missing: list[str]) -> None:
        if missing:
            raise MissingTopic(
                f"app {self._app_id!r} reads topics that do not exist: {', '.join(missing)}. Create them "
                "('streamz topics --create --topic …') or declare them in the app with partitions"
            )

    async def _create(self, topics: list[CreatableTopic]) -> None:
        if not topics:
            return
        answer = await self._requests.send(CreateTopicsRequest(topics=topics), "creating the app's topics")
        for result in answer.topics:
            if result.error_code not in (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS):
                raise error_for(
                    result.error_code,
                    f"app {self._app_id!r} cannot create topic {result.name!r}: "
                    f"{result.error_message or result.error_code.name}",
                )

    async def _describe(self, topics: Iterable[str], *, create: bool) -> MetadataResponse:
        request = MetadataRequest(topics=named(sorted(set(topics))), allow_auto_topic_creation=create)
        return await self._requests.send(request, "describing the app's topics")


_KEEPING: Final = ("cleanup.policy", "retention.ms", "retention.bytes")


def _keeps_all_keys(config: Mapping[str, str]) -> bool:
    policies = config.get("cleanup.policy", "delete").split(",")
    if "delete" not in policies:
        return True
    return config.get("retention.ms") == "-1" and config.get("retention.bytes", "-1") == "-1"


_REMEDY: Final = "Reset the app, or give the store another name"


def _dead_letter_topics(policies: Iterable[ErrorPolicy], topic: str) -> set[str]:
    return {
        dead_letter_topic(policy, topic) for policy in policies if policy.action is ErrorAction.DEAD_LETTER
    }


def _check_copartitioned(part: SubTopology, counts: Mapping[str, int]) -> None:
    found = {topic: counts[topic] for topic in part.topics}
    if part.stores and len(set(found.values())) > 1:
        listed = ", ".join(f"{topic}: {count}" for topic, count in found.items())
        if part.patterns:
            patterns = ", ".join(repr(pattern.text) for pattern in part.patterns)
            raise Misuse(
                f"the topics of pattern {patterns} go into the stores of {part.name!r} and must have the same number "
                f"of partitions; they have {listed}. Put .repartition('…') behind the stream of the pattern, which "
                "deals all of them out anew, or give the topics the same number of partitions"
            )
        raise Misuse(
            f"the source topics of {part.name!r} share stores and must have the same number of partitions; "
            f"they have {listed}. Give the join a name, and the smaller topics are dealt out anew through "
            "internal topics, or give the topics the same number of partitions"
        )


def _check_changelog(topic: str, present: int, wanted: int) -> None:
    if present != wanted:
        raise Misuse(
            f"changelog {topic!r} has {present} partitions, its sources have {wanted}: the number of source "
            f"partitions was changed, and keys would be looked for in the wrong place. {_REMEDY}"
        )
