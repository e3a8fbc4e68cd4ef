"""What pages read of a wallet: balances at an instant, open grants, the balance over time."""
