"""Real servers that tests call: web, email, webhooks, queues that fail."""
