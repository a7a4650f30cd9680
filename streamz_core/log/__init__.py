"""The log on disk, synchronous: segments, indexes, recovery, retention. Knows bytes and one file
interface (``log.files``); no asyncio, no sockets, no threads, no clock (times are handed in).
"""
