"""What tests need, shipped: a memory broker, a manual clock, faulty files, crash images."""
