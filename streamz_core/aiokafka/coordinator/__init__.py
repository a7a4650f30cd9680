"""The names of ``aiokafka.coordinator``. Owns: nothing. Must not know: anything."""
