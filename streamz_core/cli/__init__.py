"""The command line: one module per verb, Kafka's flag names."""
