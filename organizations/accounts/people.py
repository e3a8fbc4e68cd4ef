"""People's accounts and second factors. django-allauth does signing up and signing in; this is the rest."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction

from organizations.models import User

# What counts as a second factor. Recovery codes exist only beside one of these.
SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def create_person(
    *, email: str, password: str | None = None, name: str = "", language: str = "en", is_staff: bool = False
) -> User:
    """Create an account whose email address counts as verified. Staff get every permission.

    Raises IntegrityError if the address has an account.
    """
    with transaction.atomic():
        user = User.objects.create_user(
            email, password, name=name, language=language, is_staff=is_staff, is_superuser=is_staff
        )
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def has_second_factor(user: User) -> bool:
    """Return whether the person has set up an authenticator app or a passkey. One query."""
    return bool(Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists())


def verified_addresses(user: User) -> set[str]:
    """Return the email addresses that the person has verified, in lower case. One query."""
    emails = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return {email.lower() for email in emails}


def give_totp(user: User, secret: str) -> None:
    """Set up an authenticator app with a known base32 `secret`, replacing the one before. For the demo and tests.

    `oathtool --totp --base32 SECRET` prints the codes.
    """
    with transaction.atomic():
        Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
        TOTP.activate(user, secret)
