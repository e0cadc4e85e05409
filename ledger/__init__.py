"""The log: append, read, one writer at a time, and the proof that nothing was altered."""
