"""The link to brokers behind sockets: what a client of a Kafka cluster, or of a log another process owns, needs.

``cluster_link`` is what the rest of the client sees; below it ``node`` (one broker), ``connection`` (one socket),
``login`` (how a connection begins), and plain functions that decide: ``routes``, ``versions``, ``produced``.
"""
