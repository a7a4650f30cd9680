"""Holding clients to their quotas: what they use is counted, and whoever uses more than it may is slowed down."""
