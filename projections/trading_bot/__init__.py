"""The read models of the trading bot."""
