"""Limits, for staff: set and removed through the same verbs as on owners' pages."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits.models import MAX_CREDITS, Wallet
from organizations.admin.acts import Act, Done
from organizations.admin.audited import AuditedAdmin
from organizations.admin.forms import ActForm, ReasonForm
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.models import User
from usage.limits import clear_limit, queries, set_limit
from usage.models import Limit, LimitRequest


class LimitForm(ReasonForm):
    """Whose limit it is, how many credits a month, and the reason."""

    credits = forms.IntegerField(
        label=gettext_lazy("Credits a month"),
        min_value=0,
        max_value=MAX_CREDITS,
        help_text=gettext_lazy("In smallest units."),
    )

    thresholds = SimpleArrayField(
        forms.IntegerField(min_value=1, max_value=100),
        label=gettext_lazy("Thresholds in percent"),
        required=False,
        help_text=gettext_lazy("Leave empty to keep them; a new limit gets the program's."),
    )

    class Meta:
        model = Limit
        fields = ["organization", "team", "user", "feature", "credits", "thresholds"]

    def clean(self) -> dict[str, Any]:
        """Refuse at its field what the verb would refuse."""
        data = super().clean() or {}
        organization, team, user, feature = (data.get(name, getattr(self.instance, name, None)) for name in WHOSE)
        if organization is None:
            return data
        wallet = Wallet.objects.filter(organization=organization).first()
        if wallet is None:
            self._refuse("organization", _("The organization has no wallet."))
        elif feature is not None and feature.program_id != wallet.program_id:
            self._refuse("feature", _("The organization's program has no such feature."))
        if team is not None and user is not None:
            self._refuse("user", _("A limit is for a team or for a user, not for both."))
        if team is not None and team.organization_id != organization.pk:
            self._refuse("team", _("The team belongs to another organization."))
        if user is not None and not organization.memberships.filter(user=user).exists():
            self._refuse("user", _("This is not a member of the organization."))
        return data

    def _refuse(self, name: str, sentence: str) -> None:
        self.add_error(name if name in self.fields else None, sentence)


WHOSE = ("organization", "team", "user", "feature")
# Shown, not changed here: owners raise limits.
SHOWN = ("used", "raised_credits", "raised_until")


def listed(limits: list[Limit]) -> list[str]:
    """Each limit with its organization."""
    return [f"{limit.organization}: {limit}" for limit in limits]


def remove(limits: list[Limit], form: ActForm, actor: User) -> Done:
    """Remove all of them, or none."""
    with transaction.atomic():
        for limit in sorted(limits, key=lambda each: (each.organization_id, each.pk)):
            clear_limit(limit=limit, actor=actor, reason=form.cleaned_data["reason"])
    return Done(message=_("The limits are removed."))


@admin.register(Limit)
class LimitAdmin(AuditedAdmin):
    """Without team and user a limit is the whole organization's; without a feature it counts all features."""

    form = LimitForm
    list_display = [*WHOSE, "scope", "credits", "raised_credits", "raised_until", "created_at"]
    list_filter = ["scope"]
    list_select_related = list(WHOSE)
    search_fields = ["organization__slug", "organization__name", "team__name", "user__email"]
    ordering = ["organization__name", "scope"]
    raw_id_fields = WHOSE
    fields = [*WHOSE, "credits", "thresholds", "used", "raised_credits", "raised_until", "reason"]
    list_acts = (
        Act(
            name="clear",
            label=gettext_lazy("Remove the selected limits"),
            effect=gettext_lazy("These limits no longer restrict use."),
            permission="usage.change_limit",
            describe=listed,
            run=remove,
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """Whose limit it is never changes, only its amount and thresholds."""
        return (*WHOSE, *SHOWN) if obj else SHOWN

    @admin.display(description=gettext_lazy("used this month"))
    def used(self, limit: Limit) -> str:
        """What counts this month and what is reserved, in smallest units."""
        if not limit.pk:
            return "-"
        (row,) = queries.positions([limit], organization=limit.organization, now=timezone.now())
        return _("%(used)s, reserved %(reserved)s") % {"used": row.state.used, "reserved": row.state.reserved}

    def save_model(self, request: HttpRequest, obj: Limit, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: ARG002, FBT001
        """Set it through the verb, which locks the wallet and records who did it."""
        limit = set_limit(
            organization=obj.organization,
            team=obj.team,
            user=obj.user,
            feature=obj.feature,
            credits=form.cleaned_data["credits"],
            thresholds=form.cleaned_data["thresholds"] or None,
            actor=cast("User", request.user),
            reason=form.cleaned_data["reason"],
        )
        obj.__dict__.update(limit.__dict__)
        (row,) = queries.positions([limit], organization=obj.organization, now=timezone.now())
        if row.left == 0:
            messages.warning(request, _("This limit is used up. Further use is refused."))


@admin.register(LimitRequest)
class LimitRequestAdmin(ReadOnlyAdmin):
    """Members' requests for a higher limit, for staff to read. Owners answer them."""

    list_display = ["created_at", "user", "limit", "credits", "message", "state", "answered_by", "answered_at"]
    list_filter = ["state"]
    list_select_related = ["user", "limit", "answered_by"]
    search_fields = ["public_id", "user__email", "limit__organization__slug", "limit__organization__name"]
    ordering = ["-created_at"]
