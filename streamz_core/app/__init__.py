"""The app as users write it, in Faust's words: agents, tables, topics, timers, the worker."""
