"""``TimeJoinWords``: the words of a stream for joins by time that Kafka Streams does not have.

Owns: ``join_asof`` and ``join_interval``: what they promise.
Must not know: the steps they add, other words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamz_core.streams.dsl.stream_node import StreamNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.durations import Duration
    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.dsl.options import StreamJoined

K = TypeVar("K")
V = TypeVar("V")
HISTORY_MS: Final = 3_600_000


class TimeJoinWords(StreamNode[K, V]):
    """A part of ``KStream``."""

    def join_asof(
        self,
        other: KStream[K, Any],
        joiner: Callable[..., Any],
        joined: StreamJoined | str,
        *,
        how: str = "inner",
        strategy: str = "backward",
        tolerance: Duration | None = None,
        grace: Duration = 0,
        history: Duration = HISTORY_MS,
        with_key: bool = False,
        value_type: Any = None,
    ) -> KStream[K, Any]:
        """Each record with the record of ``other`` that has its key and is nearest to it in time.

        ``strategy``: ``backward``, the latest one that is not later; ``forward``, the earliest one that is not earlier;
        ``nearest`` of both, the earlier one if both are as near. It is at most ``tolerance`` apart, which the latter
        two need. A record without one is dropped, or with ``how="left"`` goes on with None in its place.

        Results have the record's time. The join's time is the highest of both streams. A record goes on once that
        is ahead of it by ``grace`` (and by ``tolerance``, where later ones count): with what came of ``other``
        until then. One that comes later goes on at once, with what is still known: what was the latest up to
        ``history`` ago, for records that are not in order. What comes of ``other`` after that is dropped, and
        counted late. Of records of ``other`` with one key and time the last one counts.

        >>> trades.join_asof(quotes, lambda trade, quote: trade | quote, "quoted")   # doctest: +SKIP
        """
        from streamz_core.streams.dsl.time_joins import asof_join

        return asof_join(
            self._stream_itself(),
            other,
            joiner,
            joined,
            how=how,
            strategy=strategy,
            tolerance=tolerance,
            grace=grace,
            history=history,
            with_key=with_key,
            value_type=value_type,
        )

    def join_interval(
        self,
        other: KStream[K, Any],
        joiner: Callable[..., Any],
        joined: StreamJoined | str,
        *,
        lower: Duration,
        upper: Duration,
        how: str = "inner",
        grace: Duration = 0,
        with_key: bool = False,
        value_type: Any = None,
    ) -> KStream[K, Any]:
        """Each record with every record of ``other`` that has its key and is later by ``lower`` to ``upper``.

        Both bounds are in it; below 0 they mean earlier. A pair has the later one's time. ``how`` is ``inner``;
        ``left``, and records without a partner go on with None in its place; or ``outer``, and those of
        ``other`` do too.

        The join's time is the highest of both streams. A record waits for partners until that is ``grace`` behind
        the last moment at which there may be one; then it goes on alone, once, where it may. So no pair is missed
        unless one of the two comes more than ``grace`` out of order; one that does is joined with what still waits.

        >>> orders.join_interval(                                                    # doctest: +SKIP
        ...     payments, paid, "paid", lower=0, upper=timedelta(minutes=10), how="left"
        ... )
        """
        from streamz_core.streams.dsl.time_joins import interval_join

        return interval_join(
            self._stream_itself(),
            other,
            joiner,
            joined,
            lower=lower,
            upper=upper,
            how=how,
            grace=grace,
            with_key=with_key,
            value_type=value_type,
        )
