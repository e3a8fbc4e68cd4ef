"""Services: their names and their AI switch."""
