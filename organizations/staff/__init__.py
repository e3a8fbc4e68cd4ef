"""The entrance for staff: the admin site, which asks for two factors."""
