"""Staff and people: who they are, where they belong, whether they may sign in. Passwords are theirs alone to set."""

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.http import HttpRequest

from organizations.admin.audit_trail import AuditedAdmin, ReadOnlyInline, ReasonForm
from organizations.models import Membership, User


class UserForm(ReasonForm):
    """A person, whose mail address is kept in lower case."""

    class Meta:
        model = User
        fields = ["email", "name", "language", "is_active", "is_staff", "is_superuser", "groups"]

    def clean_email(self) -> str:
        """One account per address, however it is typed."""
        return str(self.cleaned_data["email"]).lower()


class MembershipInline(ReadOnlyInline):
    """Where the person belongs; changed on the membership's own page."""

    model = Membership
    fields = ["organization", "role", "team"]
    show_change_link = True


@admin.register(User)
class UserAdmin(AuditedAdmin):
    """A new person is given no password: they set one by "forgot your password"."""

    form = UserForm
    audited_as = "user"
    list_display = ["email", "name", "is_active", "is_staff", "created_at", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name", "public_id"]
    ordering = ["email"]
    readonly_fields = ["public_id", "created_at", "last_login"]
    filter_horizontal = ["groups"]
    inlines = [MembershipInline]

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:  # type: ignore[override, type-arg] # noqa: FBT001
        """Keep the address that allauth checks in step with the person's."""
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            EmailAddress.objects.filter(user=obj, primary=True).delete()
            EmailAddress.objects.update_or_create(
                user=obj, email=obj.email, defaults={"verified": True, "primary": True}
            )
