"""The payments sandbox: a local simulator of Stripe's HTTP API for the unchanged `stripe` library. No money moves.

It is a process of its own, on loopback only, with its state in one file. It knows nothing of organizations, credits or
Django, and imports nothing but the standard library.
"""
