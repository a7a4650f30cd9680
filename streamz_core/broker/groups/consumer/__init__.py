"""The consumer group protocol of KIP-848: the broker assigns, members reconcile by heartbeats.

Plain functions over values decide (``membership``, ``reconciliation``, ``targets``, ``assignors``),
``groups.live_consumer_group`` carries out, ``records`` keeps.
"""
