"""``python -m tests.fuzz.fuzzer wire|bytes [options of libFuzzer] DIRECTORY``, which ``make fuzz`` runs.

Owns: handing a target to atheris, and the inputs in DIRECTORY: those it begins with and those it has found.
Must not know: what the targets do.

It is run on the sources (``PYTHONPATH=tests/interpreted``): of compiled modules it would not see which lines it has
reached. What it has found is read once more by the compiled ones: ``python -m tests.fuzz.fuzzer again wire|bytes
DIRECTORY``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fuzz import byte_decoders, wire_decoders

TARGETS = {"bytes": byte_decoders, "wire": wire_decoders}


def main() -> None:
    """Fuzz, or read again what was found."""
    if sys.argv[1] == "again":
        for path in sorted(Path(sys.argv[-1]).iterdir()):
            TARGETS[sys.argv[2]].one_input(path.read_bytes())
        return
    import atheris

    target = TARGETS[sys.argv.pop(1)]
    target.prepare()
    corpus = Path(sys.argv[-1])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.instrument_all()
    atheris.Setup(sys.argv, target.one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
