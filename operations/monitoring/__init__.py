"""Monitoring: what is measured, what is worth an alert, who is told."""
