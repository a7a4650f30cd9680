"""Consuming: positions, fetching, group membership, assignors."""
