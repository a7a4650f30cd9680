"""Which version of an API is spoken with a broker.

Owns: ``Versions``: what a broker offers, held against what there are tables of and what requests say.
Must not know: connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.client.errors import IncompatibleBrokerVersion
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.wire import codec

if TYPE_CHECKING:
    from streamz_core.protocol.messages.api_versions import ApiVersionsResponse
    from streamz_core.protocol.messages.request import Request

SEVERAL_BATCHES: Final = "streamz.batches"
"""A feature of our own brokers: they take several batches for a partition in one request."""
_NAMES_UP_TO: Final = {0: 12, 1: 12, 8: 9, 9: 9}
"""Later versions of Produce, Fetch, OffsetCommit and OffsetFetch know topics by id alone, our clients by name."""
_FIRST_OF_V2: Final = {0: 12, 26: 5, 28: 5}
"""Produce, EndTxn, TxnOffsetCommit: the first version in which partitions join a transaction by being written to."""


class Versions:
    """What one broker speaks."""

    __slots__ = ("_broker", "_offered", "takes_several_batches")

    def __init__(self, broker: object, answer: ApiVersionsResponse) -> None:
        """``broker`` is what errors call it."""
        self._broker = broker
        self._offered = {one.api_key: (one.min_version, one.max_version) for one in answer.api_keys}
        self.takes_several_batches = any(one.name == SEVERAL_BATCHES for one in answer.supported_features)

    def pick(self, request: Request[Any]) -> int:
        """The newest version that both sides speak and that can say what ``request`` says.

        Raises ``IncompatibleBrokerVersion`` where there is none.
        """
        api_key = request.api_key
        name = type(request).__name__
        if api_key not in self._offered:
            raise IncompatibleBrokerVersion(f"{self._broker} does not know {name} (API key {api_key})")
        offered_min, offered_max = self._offered[api_key]
        spoken_min, spoken_max = codec.versions(api_key)
        version = min(offered_max, spoken_max, _NAMES_UP_TO.get(api_key, spoken_max))
        if version < max(offered_min, spoken_min):
            raise IncompatibleBrokerVersion(
                f"{self._broker} speaks {name} in versions {offered_min} to {offered_max}, this client in "
                f"{spoken_min} to {spoken_max}: use a broker of Kafka 2.1 or newer"
            )
        if version < _FIRST_OF_V2.get(api_key, 0) and _needs_v2(request):
            raise IncompatibleBrokerVersion(
                f"{self._broker} speaks {name} up to version {offered_max}: transactions need Kafka 4.0 or newer"
            )
        return version


def _needs_v2(request: Request[Any]) -> bool:
    is_transactional = getattr(request, "transactional_id", None) is not None
    return is_transactional and getattr(request, "transaction_version", None) is TransactionVersion.V2
