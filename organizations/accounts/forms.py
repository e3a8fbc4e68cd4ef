"""The form to sign up, which doesn't reveal who has an account."""

from typing import Any

from allauth.account.forms import SignupForm as BaseSignupForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest


class SignupForm(BaseSignupForm):  # type: ignore[misc]
    """django-allauth's form. Its answer is the same for a known address; this makes it take as long, too.

    Hashing the password takes nearly all of the time, and allauth skips it for a known address.
    """

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            make_password(self.cleaned_data.get("password1") or "")
        return super().try_save(request)
