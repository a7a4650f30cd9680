"""The names of ``aiokafka.admin.new_topic``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.admin_resources import NewTopic

__all__ = ["NewTopic"]
