"""The exception of a domain verb that refuses.

Verbs raise subclasses, declared beside them; pages show the text. Nothing was written when it is raised.
"""


class Refusal(Exception):
    """A verb refused. `str()` gives a translated sentence for the person who asked."""
