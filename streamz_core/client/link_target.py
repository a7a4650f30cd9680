"""What a client was told to connect to, and how.

Owns: ``LinkTarget``: opening its link, and closing it unless it is somebody else's.
Must not know: what is sent over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamz_core.client.local_link import open_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.client.link import Link
    from streamz_core.client.tcp.link_settings import LinkSettings


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """``address``: any of this project, or a link, which stays open."""

    address: str | Sequence[str] | Link
    settings: LinkSettings

    async def open(self) -> Link:
        """See ``open_link``."""
        return await open_link(self.address, settings=self.settings)

    @property
    def is_link(self) -> bool:
        """Whether the link is somebody else's, who knows when its users are done."""
        return hasattr(self.address, "send")

    async def close(self, link: Link) -> None:
        """Close what ``open`` has opened."""
        if link is not self.address:
            await link.close()
