"""The sandbox's state and clock, its tasks for later, and its webhooks."""
