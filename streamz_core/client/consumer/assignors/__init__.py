"""How the leader of a group shares out partitions: one assignor per file."""
