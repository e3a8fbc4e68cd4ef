"""Features and their rates, for staff. A rate that may have been used never changes; a new one replaces it."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits.models import MAX_CREDITS
from organizations.admin.audited import AuditedAdmin
from organizations.admin.read_only import ReadOnlyInline
from usage.audit_actions import Action
from usage.metering.meter import NEWEST
from usage.models import Feature, Pricing, Rate
from usage.pricing import FIELDS_BY_PRICING

RATE_FIELDS = (
    "pricing",
    "model",
    "credits",
    "min_credits",
    "max_credits",
    "input_credits",
    "output_credits",
    "per",
    "effective_at",
)


def first_free_instant() -> datetime:
    """Rates that begin before this may have been used: the meter accepts uses that are slightly ahead of its clock."""
    return timezone.now() + NEWEST


class RateForm(forms.ModelForm):  # type: ignore[type-arg]
    """A future rate. Amounts are in the program's smallest unit."""

    class Meta:
        model = Rate
        fields = RATE_FIELDS
        field_classes = {"effective_at": forms.SplitDateTimeField}
        widgets = {"effective_at": AdminSplitDateTime}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["effective_at"].required = self.instance.pk is not None

    def clean(self) -> dict[str, Any]:
        """Refuse fields that the pricing lacks or ignores, and changes to the prices of the past."""
        data = super().clean() or {}
        if "pricing" not in data:
            return data
        for name in ["model", "credits", "min_credits", "max_credits", "input_credits", "output_credits"]:
            is_given = data.get(name) not in {None, ""}
            if is_given and name not in FIELDS_BY_PRICING[data["pricing"]]:
                self.add_error(name, _("This pricing doesn't use it."))
            elif not is_given and name in FIELDS_BY_PRICING[data["pricing"]] and name not in self.errors:
                self.add_error(name, _("This pricing needs it."))
            if isinstance(data.get(name), int) and not 0 <= data[name] <= MAX_CREDITS:
                self.add_error(name, _("Must be from 0 to %(most)s.") % {"most": MAX_CREDITS})
        least, most = data.get("min_credits"), data.get("max_credits")
        if least is not None and most is not None and least > most:
            self.add_error("max_credits", _("Less than “at least”."))
        if data.get("per") != 1 and "per" not in FIELDS_BY_PRICING[data["pricing"]]:
            self.add_error("per", _("This pricing doesn't use it. Leave 1."))
        self._clean_effective_at(data)
        others = Rate.objects.filter(feature=self.instance.feature_id).values_list("pricing", flat=True).distinct()
        if any((other == Pricing.PER_TOKEN) != (data["pricing"] == Pricing.PER_TOKEN) for other in others):
            self.add_error("pricing", _("A feature is priced per token or otherwise, not both. Create a new feature."))
        return data

    def _clean_effective_at(self, data: dict[str, Any]) -> None:
        if "effective_at" in self.errors:
            return
        if data.get("effective_at") is None:
            data["effective_at"] = timezone.now()
        elif data["effective_at"] < timezone.now() or (
            self.instance.pk and data["effective_at"] < first_free_instant()
        ):
            self.add_error("effective_at", _("This is in the past. Enter a later time, or none to start now."))


class RatesOfThePast(ReadOnlyInline):
    """Rates that may have been used. They never change."""

    model = Rate
    fields = RATE_FIELDS
    ordering = ["model", "-effective_at"]
    verbose_name_plural = gettext_lazy("current and past rates")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rate]:
        return super().get_queryset(request).filter(effective_at__lt=first_free_instant())


class RatesToCome(admin.TabularInline):  # type: ignore[type-arg]
    """Rates that nothing has used yet, and new ones."""

    model = Rate
    form = RateForm
    extra = 1
    can_delete = False
    ordering = ["model", "effective_at"]
    verbose_name_plural = gettext_lazy("future rates (amounts in smallest units; leave the time empty to start now)")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rate]:
        return super().get_queryset(request).filter(effective_at__gte=first_free_instant())


@admin.register(Feature)
class FeatureAdmin(AuditedAdmin):
    """A feature and its rates. Product servers send its key, so it never changes."""

    created = Action.FEATURE_CREATED_BY_STAFF
    changed = Action.FEATURE_CHANGED_BY_STAFF
    list_display = ["name", "key", "program", "position"]
    list_filter = ["program"]
    list_select_related = ["program"]
    search_fields = ["name", "key"]
    ordering = ["program__name", "position"]
    fields = ["program", "key", "name", "position", "reason"]
    inlines = [RatesOfThePast, RatesToCome]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return ["program", "key"] if obj else []

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        """Record each new or changed rate."""
        super().save_formset(request, form, formset, change)
        rates = [(rate, Action.FEATURE_RATE_CREATED) for rate in getattr(formset, "new_objects", [])]
        rates += [(rate, Action.FEATURE_RATE_CHANGED) for rate, _fields in getattr(formset, "changed_objects", [])]
        for rate, action in rates:
            details = {name: str(getattr(rate, name)) for name in RATE_FIELDS if getattr(rate, name) not in {None, ""}}
            self.record(request, rate.feature, action, reason=form.cleaned_data["reason"], details=details)
