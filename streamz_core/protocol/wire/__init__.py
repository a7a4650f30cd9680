"""Kafka's wire protocol as bytes: typed messages in, buffers out, and back.

``codec`` and ``headers`` are what others use. Which fields a message has in which version is told by the tables
in ``protocol/schemas``; how they are laid out is told here.
"""
