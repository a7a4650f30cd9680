"""The optional compiled build; everything else is in pyproject.toml.

The modules below are plain Python and are installed as such. Where mypyc and a C compiler are at hand they
are compiled as well, and the compiled ones are then what Python imports. Without, or with ``STREAMZ_PURE=1``,
the install goes on, says so, and everything works, slower: it never fails for want of a compiler.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.extension import Extension

COMPILED = [
    "streamz_core/app/current.py",
    "streamz_core/app/feed.py",
    "streamz_core/app/topic.py",
    "streamz_core/app/windowed_table.py",
    "streamz_core/client/producer/batch.py",
    "streamz_core/client/producer/open_batches.py",
    "streamz_core/client/producer/partition_queue.py",
    "streamz_core/client/producer/send_buffer.py",
    "streamz_core/log/batch_run.py",
    "streamz_core/log/kept_batches.py",
    "streamz_core/log/offset_index.py",
    "streamz_core/log/time_index.py",
    "streamz_core/log/validation.py",
    "streamz_core/log/visibility.py",
    "streamz_core/protocol/batch_check.py",
    "streamz_core/protocol/batch_decoder.py",
    "streamz_core/protocol/batch_encoder.py",
    "streamz_core/protocol/batch_frame.py",
    "streamz_core/protocol/batch_header.py",
    "streamz_core/protocol/batch_keys.py",
    "streamz_core/protocol/crc.py",
    "streamz_core/protocol/encoded_batches.py",
    "streamz_core/protocol/murmur2.py",
    "streamz_core/protocol/varint.py",
    "streamz_core/protocol/wire/framing.py",
    "streamz_core/protocol/wire/headers.py",
    "streamz_core/protocol/wire/varints.py",
    "streamz_core/serde/codecs.py",
    "streamz_core/serde/plain_key.py",
    "streamz_core/serde/stored.py",
    "streamz_core/state/changelog.py",
    "streamz_core/state/due.py",
    "streamz_core/state/global_store.py",
    "streamz_core/state/join_buffer.py",
    "streamz_core/state/pane.py",
    "streamz_core/state/sessions.py",
    "streamz_core/state/unmatched.py",
    "streamz_core/state/windowed.py",
    "streamz_core/streams/batch.py",
    "streamz_core/streams/chunk.py",
    "streamz_core/streams/commit_request.py",
    "streamz_core/streams/execution/pieces.py",
    "streamz_core/streams/execution/steps.py",
    "streamz_core/streams/operator.py",
    "streamz_core/streams/operators/aggregate.py",
    "streamz_core/streams/operators/asof_join.py",
    "streamz_core/streams/operators/closing.py",
    "streamz_core/streams/operators/co_aggregate.py",
    "streamz_core/streams/operators/deduplicate.py",
    "streamz_core/streams/operators/endings.py",
    "streamz_core/streams/operators/foreign_key_join.py",
    "streamz_core/streams/operators/grouped_table.py",
    "streamz_core/streams/operators/interval_join.py",
    "streamz_core/streams/operators/joined.py",
    "streamz_core/streams/operators/late_rows.py",
    "streamz_core/streams/operators/reshape.py",
    "streamz_core/streams/operators/session_aggregate.py",
    "streamz_core/streams/operators/sink.py",
    "streamz_core/streams/operators/sliding_aggregate.py",
    "streamz_core/streams/operators/stateless.py",
    "streamz_core/streams/operators/stream_global_join.py",
    "streamz_core/streams/operators/stream_join.py",
    "streamz_core/streams/operators/stream_table_join.py",
    "streamz_core/streams/operators/suppress.py",
    "streamz_core/streams/operators/table.py",
    "streamz_core/streams/operators/table_join.py",
    "streamz_core/streams/operators/updates.py",
    "streamz_core/streams/operators/view.py",
    "streamz_core/streams/operators/window_aggregate.py",
    "streamz_core/streams/round.py",
    "streamz_core/streams/rows.py",
    "streamz_core/streams/stream_times.py",
    "streamz_core/streams/runtime/output.py",
]
# The library that holds their code, inside the package: an editable install finds it wherever the package is.
GROUP = "streamz_core.hot"
# Written in C by hand: docs/decisions/named-tuples-in-c.md
BY_HAND = {"streamz_core.client.producer._named_tuple": "streamz_core/client/producer/_named_tuple.c"}
# pip also asks for metadata alone, several times: only these commands need extensions.
BUILDING = {"bdist_wheel", "build", "build_ext", "develop", "editable_wheel", "install"}
# The build sees this project's sources and not what they import; what is compiled must type-check, no more.
MYPY_OPTIONS = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent"]
# A newer C compiler's new warning must not cost anyone the compiled build.
STRICTNESS = {"-Werror", "/WX"}

# For gcc and clang: what the library calls of its own is nobody's to replace. Calls go straight, small ones vanish.
OWN_FUNCTIONS = "-fno-semantic-interposition"


def extensions() -> list[Extension]:
    """The modules as C extensions; none where they are not wanted or cannot be translated."""
    if os.environ.get("STREAMZ_PURE", "") not in {"", "0"} or BUILDING.isdisjoint(sys.argv):
        return []
    try:
        from mypyc.build import mypycify

        found = mypycify([*MYPY_OPTIONS, *COMPILED], opt_level="3", group_name=GROUP)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever mypyc stumbles over, pure Python is left
        without_compiled(f"mypyc: {error}")
        return []
    for extension in found:
        extension.extra_compile_args = [a for a in extension.extra_compile_args if a not in STRICTNESS]
        if any(argument.startswith("-O") for argument in extension.extra_compile_args):
            extension.extra_compile_args.append(OWN_FUNCTIONS)
    return found + [Extension(name, [source]) for name, source in BY_HAND.items()]


def without_compiled(reason: str) -> None:
    """Say on standard error (pip shows it with -v) why the hot modules stay interpreted."""
    print(f"warning: streamz-core is installed without its compiled modules: {reason}", file=sys.stderr)  # noqa: T201


class AllOrNothing(build_ext):
    """Build every extension or leave none: one that is there imports the others."""

    def run(self) -> None:
        """Build; on failure clean up and go on without."""
        written = self._written()  # asked before: a failure leaves this command in between
        try:
            super().run()
        except Exception as error:  # noqa: BLE001 - no compiler, no headers, no room: all end in pure Python
            without_compiled(f"{type(error).__name__}: {error}")
            for path in written:
                path.unlink(missing_ok=True)
            self.extensions = []
            self.distribution.ext_modules = []
        # What did not change is not compiled again; its time tells a test that it was looked at all the same.
        for path in written:
            if path.exists():
                path.touch()

    def _written(self) -> list[Path]:
        names = [extension.name for extension in self.extensions]
        lib = Path(self.build_lib)
        in_build = [lib / self.get_ext_filename(self.get_ext_fullname(name)) for name in names]
        return in_build + [Path(self.get_ext_fullpath(name)) for name in names]


setup(ext_modules=extensions(), cmdclass={"build_ext": AllOrNothing})
