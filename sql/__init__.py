"""SQL without a model: hot statements and arrays of parameters. Knows no table."""
