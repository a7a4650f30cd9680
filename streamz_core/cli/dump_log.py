"""``streamz dump-log``: print the files of a partition as ``kafka-dump-log`` prints Kafka's.

Owns: its options, which file is printed how, and the exit code: 1 where files do not fit each other.
Must not know: the lines of any kind of file (``dumped_log``, ``dumped_indexes``, ``dumped_sidecars``).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

from streamz_core.cli import dumped_indexes, dumped_sidecars
from streamz_core.cli.connection import CommandError
from streamz_core.cli.dumped_log import DumpOptions, dump_log
from streamz_core.cli.dumped_records import (
    DECODERS,
    OffsetsParser,
    RecordParser,
    TextParser,
    TransactionParser,
)
from streamz_core.cli.foreign_options import refused
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.errors import StreamzError
from streamz_core.log import layout
from streamz_core.log.files import DiskFiles
from streamz_core.progress import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_MESSAGE_BYTES: Final = 5 * 1024 * 1024
_DECODER: Final = "kafka.serializer.StringDecoder"


@click.command("dump-log")
@click.option("--files", required=True, metavar="A.log,B.index,…", help="The files, separated by commas.")
@click.option("--print-data-log", is_flag=True, help="Print the records of .log files with keys and values.")
@click.option("--deep-iteration", is_flag=True, help="Print each record, not only each batch.")
@click.option("--verify-index-only", is_flag=True, help="Compare indexes with their .log, print no entries.")
@click.option("--index-sanity-check", is_flag=True, help="Only look whether an index file can be one.")
@click.option("--max-message-size", type=click.IntRange(min=1), default=_MAX_MESSAGE_BYTES, show_default=True,
              help="Bytes of the largest batch whose records are read.")  # fmt: skip
@click.option("--max-bytes", type=click.IntRange(min=1), help="Read so many bytes of each .log at most.")
@click.option("--offsets-decoder", is_flag=True, help="Decode records as those of __consumer_offsets.")
@click.option("--transaction-log-decoder", is_flag=True, help="Decode them as those of __transaction_state.")
@click.option("--skip-record-metadata", is_flag=True, help="Print keys and values only.")
@click.option("--key-decoder-class", default=_DECODER, show_default=True, help=", ".join(DECODERS))
@click.option("--value-decoder-class", default=_DECODER, show_default=True, help=", ".join(DECODERS))
@refused("--cluster-metadata-decoder", because="there is no cluster metadata log", is_flag=True)
@refused("--remote-log-metadata-decoder", because="there is no remote storage", is_flag=True)
@refused("--share-group-state-decoder", because="there are no share groups", is_flag=True)
@quiet_option
def command(
    *,
    files: str,
    print_data_log: bool,
    deep_iteration: bool,
    verify_index_only: bool,
    index_sanity_check: bool,
    max_message_size: int,
    max_bytes: int | None,
    offsets_decoder: bool,
    transaction_log_decoder: bool,
    skip_record_metadata: bool,
    key_decoder_class: str,
    value_decoder_class: str,
    quiet: bool,
) -> None:
    """Print .log, .index, .timeindex, .txnindex, .snapshot, .seal, recovery-point and partition.metadata files."""
    if offsets_decoder and transaction_log_decoder:
        raise click.UsageError("--offsets-decoder and --transaction-log-decoder exclude each other")
    has_decoder = offsets_decoder or transaction_log_decoder
    parser: RecordParser = TextParser(_decoder(key_decoder_class), _decoder(value_decoder_class))
    if has_decoder:
        parser = OffsetsParser() if offsets_decoder else TransactionParser()
    prints_data = print_data_log or has_decoder
    # At a terminal the lines themselves show how far it is.
    with bar_unless(quiet, sys.stdout.isatty()) as bar:
        options = DumpOptions(
            parser=parser,
            is_deep=deep_iteration or prints_data or skip_record_metadata,
            prints_contents=prints_data or skip_record_metadata,
            skips_metadata=skip_record_metadata,
            max_message_bytes=max_message_size,
            max_bytes=max_bytes,
            progress=bar,
        )
        paths = list(filter(None, map(str.strip, files.split(","))))
        bar.begin("dumping", BYTES, _log_bytes(paths, max_bytes))
        wrong: list[str] = []
        for path in paths:
            try:
                for line in _dump(path, options, verify_index_only, index_sanity_check, wrong):
                    click.echo(line)
            except BrokenPipeError:
                raise  # whoever read the output has had enough
            except (StreamzError, OSError) as error:
                raise CommandError(f"{path}: {error}") from error
    for line in wrong:
        click.echo(line)
    if wrong:
        raise SystemExit(1)


def _log_bytes(paths: list[str], max_bytes: int | None) -> int:
    """What there is to be read of the ``.log`` files, the only large ones."""
    files = DiskFiles()
    sizes = [
        files.size_of(path) for path in paths if files.exists(path) and _suffix(path) == layout.LOG_SUFFIX
    ]
    return sum(size if max_bytes is None else min(size, max_bytes) for size in sizes)


def _dump(
    path: str, options: DumpOptions, verifies_only: bool, checks_sanity: bool, wrong: list[str]
) -> Iterator[str]:
    """The lines of one file; what does not fit is added to ``wrong``."""
    yield f"Dumping {path}"
    files = DiskFiles()
    suffix = _suffix(path)
    if suffix == layout.LOG_SUFFIX:
        yield from dump_log(files, path, options)
    elif suffix in layout.INDEX_SUFFIXES:
        yield from dumped_indexes.dump(
            files, path, suffix, verifies_only=verifies_only, checks_sanity=checks_sanity, wrong=wrong
        )
    elif suffix in dumped_sidecars.DUMPS:
        yield from dumped_sidecars.DUMPS[suffix](files, path)
    else:
        click.echo(f"Ignoring unknown file {path}", err=True)


def _suffix(path: str) -> str:
    name = os.path.basename(path)
    for waiting in (layout.DELETED_SUFFIX, layout.CLEANED_SUFFIX, layout.SWAP_SUFFIX):
        name = name.removesuffix(waiting)
    return name if name in dumped_sidecars.DUMPS else os.path.splitext(name)[1]


def _decoder(name: str) -> str:
    if name not in DECODERS:
        raise click.UsageError(f"there is no decoder {name!r}; known: {', '.join(DECODERS)}")
    return name
