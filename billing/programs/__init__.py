"""Programs: the terms of a TOML file, checked and brought into the database. The files that ship lie here too."""
