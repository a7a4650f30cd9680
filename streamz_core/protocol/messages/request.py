"""What every request is: a frozen value that names its API and its response type.

Owns: ``Request``, the base of every request value, and how a request is bound to its response.
Must not know: encodings, links, brokers.

One file per API beside this one holds its request and response with the field names of Kafka's
message definitions in snake_case, newest form. A link is asked ``await link.send(request)`` and
answers the response type the request is generic over, in process as the value itself, over TCP
through the codec.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

import msgspec

ResponseT = TypeVar("ResponseT")


class Request(msgspec.Struct, Generic[ResponseT], frozen=True, kw_only=True):
    """A typed request; ``ResponseT`` is what answers it."""

    api_key: ClassVar[int] = -1


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A response, or a part of a request or response."""
