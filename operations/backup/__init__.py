"""Back-ups: copies that were opened and checked before they got their name."""
