"""Values to bytes and back, by the column. Knows libraries of formats; no topics, no client, no app."""
