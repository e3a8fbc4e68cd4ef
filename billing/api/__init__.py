"""Calls of the API that need what billing knows: an organization's credits with its plan."""
