"""The names of ``aiokafka.producer.message_accumulator``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.producer.batch_builder import BatchBuilder

__all__ = ["BatchBuilder"]
