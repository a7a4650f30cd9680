"""``python -m streamz_core`` is ``streamz``.

Owns: nothing.
Must not know: any verb.
"""

from __future__ import annotations

from streamz_core.cli.main import main

if __name__ == "__main__":
    main()
