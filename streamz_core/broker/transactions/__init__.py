"""Transactions: identities, state, outcomes and their markers (KIP-98, KIP-890)."""
