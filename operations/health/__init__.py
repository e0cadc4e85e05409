"""Health: five answers, each with its reason, the age of what it rests on, and what to do next."""
