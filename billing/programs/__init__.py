"""Programs: their terms are read from TOML files, checked and loaded. The files that ship are here too."""
