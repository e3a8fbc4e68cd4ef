"""A small whole program's file, and the tables that it needs to sell something."""

SMALL = """
[program]
key = "small"
name = "Small"
unit = "credits"
decimals = 2

[[currencies]]
code = "EUR"

[spending]
at_zero = "refuse"
overdraft_limit = "1.50"
reservation_seconds = 60

[refunds]
purchases = "never"
plan_credits = "never"

[[features]]
key = "report"
name = "Report"
rates = [{ pricing = "fixed", credits = "0.25" }]

[[features]]
key = "chat"
name = "Chat"
rates = [{ pricing = "per_token", model = "m", input_credits = "0.15", output_credits = 2, per = 1_000 }]
"""

SELLING = """
[buying]
organizations = "any"
people = "owners"
payment_method_on_file = false
methods = ["new_card"]

[[packs]]
key = "pack"
name = "Pack"
credits = 100
prices = { EUR = "10.00" }
"""
