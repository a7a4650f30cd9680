"""The names of ``aiokafka.coordinator.assignors``. Owns: nothing. Must not know: anything."""
