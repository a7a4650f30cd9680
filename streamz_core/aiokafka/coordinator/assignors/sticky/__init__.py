"""The names of ``aiokafka.coordinator.assignors.sticky``. Owns: nothing. Must not know: anything."""
