"""People, apart from any organization: accounts made for them, and their second factor.

Signing up and signing in are django-allauth's; here is only what Drawdown itself needs of it.
"""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction

from organizations.models import User

# What counts as a second factor. Recovery codes alone are none: they exist only beside one of these.
SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def create_person(
    *, email: str, password: str | None = None, name: str = "", language: str = "en", is_staff: bool = False
) -> User:
    """Create an account whose mail address counts as verified, as staff and the demo do. Staff have every permission.

    Raises IntegrityError for an address that has an account.
    """
    with transaction.atomic():
        user = User.objects.create_user(
            email, password, name=name, language=language, is_staff=is_staff, is_superuser=is_staff
        )
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def has_second_factor(user: User) -> bool:
    """Whether the person has set up a code generator or a passkey. One query."""
    return bool(Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists())


def verified_addresses(user: User) -> set[str]:
    """The mail addresses that the person has proved to be theirs, in lower case. One query."""
    emails = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return {email.lower() for email in emails}


def give_totp(user: User, secret: str) -> None:
    """Set up a code generator with a known base32 `secret`, for the demo and tests. Anew: the one before is replaced.

    Any authenticator app (or `oathtool --totp --base32 SECRET`) makes the codes.
    """
    with transaction.atomic():
        Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
        TOTP.activate(user, secret)
