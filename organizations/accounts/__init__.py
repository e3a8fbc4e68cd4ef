"""People apart from any organization: their accounts, their language, and what differs from django-allauth."""
