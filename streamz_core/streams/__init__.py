"""Stream processing over partitions: a topology as a value, executed by tasks. Does not know agents,
decorators or the command line.
"""
