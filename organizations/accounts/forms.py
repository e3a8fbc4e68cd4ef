"""Signing up, so that nobody learns from it who has an account."""

from typing import Any

from allauth.account.forms import SignupForm as BaseSignupForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest


class SignupForm(BaseSignupForm):  # type: ignore[misc]
    """django-allauth's form. It answers the same whether or not the address has an account; here it also takes as long:
    nearly all of the time goes into hashing the password, which the known address would be spared."""

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            make_password(self.cleaned_data.get("password1") or "")
        return super().try_save(request)
