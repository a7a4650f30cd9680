"""The names of ``aiokafka.errors``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.errors import *  # noqa: F403 - the whole tree, by its __all__
from streamz_core.client.errors import __all__  # noqa: F401
