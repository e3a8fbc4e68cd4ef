"""Monthly limits, what counts against them, and requests for more. Credits in smallest units."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models import MAX_CREDITS, default_limit_thresholds
from organizations.models import Organization, Team
from organizations.public_ids import new_public_id
from usage.models.prices import Feature

PER_CENTS = list(range(1, 101))


class LimitScope(models.TextChoices):
    ORGANIZATION = "organization", _("organization")
    TEAM = "team", _("team")
    USER = "user", _("user")


class Limit(models.Model):
    """How many credits an organization, a team or a user may use in a month of the organization's time zone.

    With a feature it is about that feature alone. Until `raised_until`, `raised_credits` are allowed instead of
    `credits`. `thresholds`: at how many per cent of use people are notified.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="limits")
    scope = models.CharField(_("scope"), max_length=12, choices=LimitScope)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="limits")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="limits"
    )
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, null=True, blank=True, related_name="limits")
    credits = models.BigIntegerField(_("credits a month"))
    thresholds = ArrayField(
        models.PositiveSmallIntegerField(), verbose_name=_("thresholds"), default=default_limit_thresholds
    )
    raised_credits = models.BigIntegerField(_("raised to"), null=True, blank=True)
    raised_until = models.DateTimeField(_("raised until"), null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "scope", "team", "user", "feature"],
                nulls_distinct=False,
                name="limit_is_set_once",
            ),
            models.CheckConstraint(
                condition=models.Q(scope="organization", team=None, user=None)
                | models.Q(scope="team", team__isnull=False, user=None)
                | models.Q(scope="user", team=None, user__isnull=False),
                name="limit_names_what_its_scope_needs",
            ),
            models.CheckConstraint(
                condition=models.Q(credits__gte=0, credits__lte=MAX_CREDITS), name="limit_credits_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(raised_credits=None, raised_until=None)
                | models.Q(
                    raised_credits__isnull=False,
                    raised_until__isnull=False,
                    raised_credits__gt=models.F("credits"),
                    raised_credits__lte=MAX_CREDITS,
                ),
                name="limit_is_raised_to_more_and_not_for_ever",
            ),
            models.CheckConstraint(
                condition=models.Q(thresholds__contained_by=PER_CENTS), name="limit_thresholds_are_per_cents"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.credits}"


class LimitUse(models.Model):
    """What counts against a limit in one month, less refunds. Written under the wallet's lock, with the spend.

    `told_percent`: the highest threshold of which people were notified this month; 0: none.
    """

    pk = models.CompositePrimaryKey("limit_id", "month_on")
    limit = models.ForeignKey(Limit, on_delete=models.CASCADE, related_name="uses", db_index=False)
    month_on = models.DateField()
    credits = models.BigIntegerField()
    told_percent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(credits__gte=0), name="limit_use_not_negative")]

    def __str__(self) -> str:
        return f"{self.month_on} {self.credits}"


def limit_request_id() -> str:
    return new_public_id("lrq")


class RequestState(models.TextChoices):
    OPEN = "open", _("open")
    GRANTED = "granted", _("approved")
    DECLINED = "declined", _("declined")


class LimitRequest(models.Model):
    """A member's request to the owners for more of a limit; one of them answers, once."""

    public_id = models.CharField(max_length=32, unique=True, default=limit_request_id, editable=False)
    limit = models.ForeignKey(Limit, on_delete=models.CASCADE, related_name="requests")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # What is asked for in place of the limit; empty: more, however much.
    credits = models.BigIntegerField(_("credits a month"), null=True, blank=True)
    message = models.CharField(_("message"), max_length=500, blank=True)
    created_at = models.DateTimeField()
    state = models.CharField(_("state"), max_length=10, choices=RequestState, default=RequestState.OPEN)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("limit increase request")
        verbose_name_plural = _("limit increase requests")
        constraints = [
            models.UniqueConstraint(
                fields=["limit", "user"], condition=models.Q(state="open"), name="limit_request_is_open_once"
            ),
            models.CheckConstraint(condition=models.Q(state__in=RequestState.values), name="limit_request_state_known"),
            models.CheckConstraint(
                condition=models.Q(credits=None) | models.Q(credits__gt=0, credits__lte=MAX_CREDITS),
                name="limit_request_credits_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", answered_at=None)
                | ~models.Q(state="open") & ~models.Q(answered_at=None),
                name="limit_request_is_answered_with_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.credits}"
