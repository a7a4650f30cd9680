"""The wire port: bytes of any Kafka client to typed requests, and answers back to bytes.

Owns: sockets, frames, the order of answers on a connection, limits on what a peer may cost.
Must not know: what requests mean (the broker's handlers), how they are encoded (``protocol.wire``), clients, apps.
"""
