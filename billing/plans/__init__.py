"""Plans: subscribing, changing and ending one, its months, and the allowances that they bring."""
