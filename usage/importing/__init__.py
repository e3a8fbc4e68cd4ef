"""Importing past usage from files."""
