"""Bytes only: record batches, compression, control records, typed messages. No I/O, no clock, no loop."""
