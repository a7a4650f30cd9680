"""Which operations the asker of a description may do, as bits.

Owns: the meaning of the ``authorized_operations`` fields.
Must not know: who may do what.

Source: KIP-430
"""

from __future__ import annotations

from typing import Final

NOT_ASKED_FOR: Final = -(2**31)
"""What such a field holds where the request did not ask for it; else bit *n* stands for the operation numbered *n*."""
