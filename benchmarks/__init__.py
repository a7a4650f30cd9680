"""Every figure this project publishes, each beside a reference that runs in the same process."""
