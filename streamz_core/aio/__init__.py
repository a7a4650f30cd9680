"""asyncio building blocks without any domain: they may know the clock and asyncio, nothing else."""
