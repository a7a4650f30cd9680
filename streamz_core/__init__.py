"""A durable partitioned log and stream processing in one Python process.

The front door: names are re-exported here for users, lazily, and nothing inside imports it.
"""
