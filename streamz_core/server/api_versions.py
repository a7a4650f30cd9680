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
UNADVERTISED: Final = frozenset({71, 72})
"""Telemetry (KIP-714): clients that are told of it send what nobody here reads."""


def api_versions(answered: Iterable[int], spoken: Mapping[int, tuple[int, int]]) -> ApiVersionsResponse:
    """The answer: the APIs of ``answered`` in those versions in which they are ``spoken``."""
    keys = [_api_version(key, *spoken[key]) for key in sorted(answered) if key in spoken]
    return ApiVersionsResponse(
        api_keys=[key for key in keys if key.api_key not in UNADVERTISED],
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
