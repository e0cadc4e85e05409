"""New entries: what a user or a trading program may record, the rules for it, and the events that it becomes."""
