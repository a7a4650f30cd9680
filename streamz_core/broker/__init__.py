"""Typed request in, typed response out: one owner loop over the log. Knows the log and the
protocol; not who asks, nor over what.
"""
