"""Kafka Streams' DSL in Python: streams, tables, groups, windows and joins, as a builder of graphs."""
