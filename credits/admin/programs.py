"""Programs, for staff to edit. The unit and decimals stay once a wallet uses them."""

from typing import Any

from django.contrib import admin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest

from credits.audit_actions import Action
from credits.models import MAX_BALANCE, MAX_CREDITS, Program, Wallet
from organizations.admin.audited import AuditedAdmin
from organizations.admin.forms import ReasonForm

# The database's own bounds, for an error at the field instead of one from the database.
BOUNDS = {
    "decimals": (0, 6),
    "validity_days": (1, 36_500),
    "holding_limit": (1, MAX_BALANCE),
    "overdraft_limit": (0, MAX_CREDITS),
    "reservation_seconds": (1, 86_400),
    "low_balance": (1, MAX_BALANCE),
}


class ProgramForm(ReasonForm):
    """Terms within their bounds."""

    class Meta:
        model = Program
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (least, most) in BOUNDS.items():
            if name in self.fields:
                self.fields[name].validators += [MinValueValidator(least), MaxValueValidator(most)]


@admin.register(Program)
class ProgramAdmin(AuditedAdmin):
    """A change applies from now on; grants keep the terms they were made with."""

    form = ProgramForm
    created = Action.PROGRAM_CREATED_BY_STAFF
    changed = Action.PROGRAM_CHANGED_BY_STAFF
    list_display = ["name", "key", "unit", "decimals", "validity_days", "at_zero"]
    search_fields = ["name", "key"]
    ordering = ["name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """Another unit or number of decimals would change the meaning of every amount that a wallet holds."""
        if obj is not None and Wallet.objects.filter(program=obj).exists():
            return ["key", "unit", "decimals"]
        return []
