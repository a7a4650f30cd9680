"""The client: aiokafka's names and signatures over a ``Link`` that takes typed requests. Knows the
protocol's values; only ``local_link`` knows the broker.
"""
