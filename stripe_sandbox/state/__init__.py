"""The sandbox's memory and clock, and what it delivers by itself."""
