"""The change history: its filters, and the filtered whole as a file."""
