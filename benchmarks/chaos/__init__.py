"""Spends while workers are killed and servers fail."""
