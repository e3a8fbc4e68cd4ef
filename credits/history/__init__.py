"""The change history: its operations, its filters, and the filtered whole as a file."""
