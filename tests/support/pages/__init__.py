"""Pages as visitors and browsers see them."""
