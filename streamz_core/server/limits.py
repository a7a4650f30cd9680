"""What a connection, and all of them together, may cost.

Owns: ``Limits``: names, units, defaults and the check of values.
Must not know: who enforces them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from streamz_core.errors import Misuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a server. Times are milliseconds, sizes bytes.

    What a server holds for its peers is about ``in_flight_bytes_max``, and for each connection 128 KiB of requests
    that wait and an answer of ``answer_bytes_full``.
    Raises ``Misuse`` naming the limit, its value and what is allowed.
    """

    connections_max: int = 4_000
    """Open connections; one more is closed at once."""
    connections_per_address_max: int = 2_000
    """Of them, from one address."""
    handshakes_max: int = 100
    """Connections in the TLS handshake; more wait to be accepted, and where they do, those that take longer than
    ``full_stall_ms`` go."""
    handshake_ms: int = 10_000
    """From the connection to the end of TLS and SASL."""
    unauthenticated_frame_bytes_max: int = 65_536
    """The largest request of a peer that has not authenticated where it has to."""
    frame_bytes_max: int = 104_857_600
    """The largest request (Kafka's ``socket.request.max.bytes``)."""
    in_flight_bytes_max: int = 268_435_456
    """Requests being received or waiting, and answers not yet read, of all connections together. Beyond it large
    requests are not read on, fetches answer little, and peers that stand still for ``full_stall_ms`` go."""
    full_stall_ms: int = 1_000
    """See ``in_flight_bytes_max`` and ``handshakes_max``."""
    answer_bytes_max: int = 4_194_304
    """Record bytes in the answer to one fetch, whatever it asks for; a first batch may go beyond. Larger ones are
    slower to read: a client unpacks one while the next is on its way."""
    answer_bytes_full: int = 65_536
    """The same while ``in_flight_bytes_max`` is reached."""
    requests_waiting_max: int = 100
    """Requests of one connection that have arrived and not begun; more are not read."""
    requests_overlapping_max: int = 16
    """Produces of one connection that wait for the disk at the same time."""
    read_progress_ms: int = 10_000
    """A request that has begun must bring ``read_progress_bytes`` within each such span, or its end."""
    read_progress_bytes: int = 10_240
    """See ``read_progress_ms``: 1 KiB a second."""
    unread_ms: int = 60_000
    """An answer of which the peer reads nothing for so long ends the connection."""
    idle_ms: int = 600_000
    """A connection without any request for so long is closed (Kafka's ``connections.max.idle.ms``)."""
    drain_ms: int = 10_000
    """How long a server that stops lets requests in hand be answered."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value: object = getattr(self, limit.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise Misuse(f"server limit {limit.name}={value!r}: allowed are whole numbers from 1")
