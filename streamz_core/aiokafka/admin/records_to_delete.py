"""The names of ``aiokafka.admin.records_to_delete``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.admin_resources import RecordsToDelete

__all__ = ["RecordsToDelete"]
