"""Plans: subscribing, changing and canceling, the months of a plan, and the allowances that they bring.

Bought credits are not its concern: a plan grants allowances and nothing else.
"""
