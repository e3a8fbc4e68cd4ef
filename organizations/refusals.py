"""The one exception that means "no, and this is the sentence for the person who asked".

Verbs raise subclasses of it, declared beside them; pages show its text. Nothing has been written when it is raised.
"""


class Refusal(Exception):
    """A verb refused; `str()` of it is a translated sentence for a person."""
