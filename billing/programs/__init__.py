"""Programs: their terms are read from TOML files, checked and loaded. The files that ship are here too.

What the terms mean for a purchase, a plan or a refund belongs in those rooms; here they are only read and written.
"""
