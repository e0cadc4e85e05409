"""Exports of the log: as it is (jsonl, csv, parquet), or as double-entry bookkeeping (beancount, hledger)."""
