"""What can happen: events, identifiers, money, time and the rules that need no database."""
