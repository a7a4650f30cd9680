"""Stores of one partition's state, and how they survive. Knows bytes, codecs and the client (only in
``changelog`` and ``restore``); no topology, no agents.
"""
