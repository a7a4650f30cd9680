"""The names of ``aiokafka.admin.config_resource``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.admin_resources import ConfigResource, ConfigResourceType

__all__ = ["ConfigResource", "ConfigResourceType"]
