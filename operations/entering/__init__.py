"""Recording new entries: judged by the rules, told apart from what is there, appended in one transaction."""
