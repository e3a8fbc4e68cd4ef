"""Balance thresholds: low, depleted, restored; each change told once."""
