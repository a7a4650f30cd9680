"""Which APIs are answered, in which versions.

Owns: the answer to ApiVersions: what the broker has a handler for, the codec a schema and the server an answer.
Must not know: what the APIs do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    FinalizedFeature,
    SupportedFeature,
)
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FEATURES: Final = {"group.version": 1, "transaction.version": 2}
"""The feature levels of Kafka 4 that clients look at: KIP-848's groups, KIP-890's transactions."""
SEVERAL_BATCHES: Final = "streamz.batches"
"""Our own: a produce request may have several batches for a partition. Clients of Kafka do not look at it."""
OFFERED_FROM_0: Final = frozenset({ProduceRequest.api_key, SaslHandshakeRequest.api_key})
"""librdkafka compresses only where Produce 0 is offered (KAFKA-18659), and up to 2.0 logs in only where SaslHandshake 0
is; it sends neither."""
STABLE_UP_TO: Final = {OffsetCommitRequest.api_key: 9, OffsetFetchRequest.api_key: 9}
"""Kafka 4.1 has tables of version 10, topics by their ids, as not yet stable, and its brokers do not serve them."""


def stable(spoken: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The versions that are served, of those that there are tables of: none that Kafka may still change."""
    return {
        key: (lowest, min(highest, STABLE_UP_TO.get(key, highest)))
        for key, (lowest, highest) in spoken.items()
    }


def api_versions(answered: Iterable[int], spoken: Mapping[int, tuple[int, int]]) -> ApiVersionsResponse:
    """The answer: the APIs of ``answered`` in those versions in which they are ``spoken``."""
    keys = [_api_version(key, *spoken[key]) for key in sorted(answered) if key in spoken]
    return ApiVersionsResponse(
        api_keys=keys,
        supported_features=[
            SupportedFeature(name=name, min_version=0, max_version=level)
            for name, level in {**FEATURES, SEVERAL_BATCHES: 1}.items()
        ],
        finalized_features_epoch=0,
        finalized_features=[
            FinalizedFeature(name=name, min_version_level=level, max_version_level=level)
            for name, level in FEATURES.items()
        ],
    )


def unsupported_version(spoken: Mapping[int, tuple[int, int]]) -> ApiVersionsResponse:
    """What is said, in version 0, to who asked in a version that is not spoken: ask again in one of these."""
    lowest, highest = spoken[ApiVersionsRequest.api_key]
    return ApiVersionsResponse(
        error_code=ErrorCode.UNSUPPORTED_VERSION,
        api_keys=[_api_version(ApiVersionsRequest.api_key, lowest, highest)],
    )


def _api_version(key: int, lowest: int, highest: int) -> ApiVersion:
    lowest = 0 if key in OFFERED_FROM_0 else lowest
    return ApiVersion(api_key=key, min_version=lowest, max_version=highest)
