"""What billing has to prove of money and plans, and the whole audit of the night."""
