"""SQL without a model: hot statements, arrays of parameters, triggers. Knows no table."""
