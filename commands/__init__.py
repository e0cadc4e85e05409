"""Groups of commands, loaded when they are called."""
