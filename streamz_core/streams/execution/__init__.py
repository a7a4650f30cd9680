"""Running a graph of operators in a task."""
