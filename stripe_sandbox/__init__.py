"""The payments sandbox: a local stand-in that speaks Stripe's HTTP to the unchanged `stripe` library.

It is a small process of its own, on loopback only, with its state in one file. It knows nothing of organizations,
credits or Django, and may import nothing of ours and nothing that isn't in the standard library. No money moves here.
"""
