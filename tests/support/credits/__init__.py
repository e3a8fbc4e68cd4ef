"""A driver of one wallet, the controls of its lock, and the reference model."""
