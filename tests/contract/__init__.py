"""The Stripe contract: what the installed `stripe` package says about requests and answers, as JSON Schema.

Stripe can't be reached from a test, so its own generated types stand in: every request that our code sends and every
answer and webhook that the payments sandbox gives is held against them. Nothing here knows our domain.
"""
