-- What should agree and does not, as it stands now.
-- System: arduino-trader
SELECT kind, subject, occurred_at, derived_quantity, reported_quantity, difference, reason FROM portfolio.reconciliations WHERE open ORDER BY kind, subject;
