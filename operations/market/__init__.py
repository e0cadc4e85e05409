"""Market data: recording it live, putting sessions away, and asking for it."""
