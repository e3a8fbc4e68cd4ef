"""Daily sums beside PostgreSQL's own GROUP BY."""
