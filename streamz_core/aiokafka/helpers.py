"""The names of ``aiokafka.helpers``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.tls import create_ssl_context

__all__ = ["create_ssl_context"]
