"""The cast and the fixtures that every test may use; what must stand earlier is in tests/stage.py."""
