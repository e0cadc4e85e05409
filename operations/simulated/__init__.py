"""What `cli simulate` invents: the weeks of a small trading system, and the chart of what they cost."""
