"""People and staff: their accounts, memberships and permissions. Only they themselves can set their passwords."""

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.http import HttpRequest

from organizations.admin.audited import AuditedAdmin
from organizations.admin.forms import ReasonForm
from organizations.admin.read_only import ReadOnlyInline
from organizations.audit_actions import Action
from organizations.models import Membership, User


class UserForm(ReasonForm):
    """A person. The email address is stored in lower case."""

    class Meta:
        model = User
        fields = ["email", "name", "language", "is_active", "is_staff", "is_superuser", "groups"]

    def clean_email(self) -> str:
        """Store the address in lower case: one account per address, however it is typed."""
        return str(self.cleaned_data["email"]).lower()


class MembershipInline(ReadOnlyInline):
    """The person's organizations. Each is changed on the page of the membership."""

    model = Membership
    fields = ["organization", "role", "team"]
    show_change_link = True


@admin.register(User)
class UserAdmin(AuditedAdmin):
    """A new person has no password; they set one through "Forgot your password?"."""

    form = UserForm
    created = Action.USER_CREATED_BY_STAFF
    changed = Action.USER_CHANGED_BY_STAFF
    list_display = ["email", "name", "is_active", "is_staff", "created_at", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name", "public_id"]
    ordering = ["email"]
    readonly_fields = ["public_id", "created_at", "last_login"]
    filter_horizontal = ["groups"]
    inlines = [MembershipInline]

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:  # type: ignore[override, type-arg] # noqa: FBT001
        """Keep the address that allauth verifies equal to the person's."""
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            EmailAddress.objects.filter(user=obj, primary=True).delete()
            EmailAddress.objects.update_or_create(
                user=obj, email=obj.email, defaults={"verified": True, "primary": True}
            )
