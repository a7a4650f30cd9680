"""Executes a topology: tasks, commits, assignment, error policies. Knows no operator by name."""
