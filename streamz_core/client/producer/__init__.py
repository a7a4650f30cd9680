"""Producing: batches by partition, identities, transactions."""
