"""The bases of pages on which staff read rows and can't edit them. A page may still offer acts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from organizations.admin.acts import ActsAdmin


class _ReadOnly:
    """Refuses every edit."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class ReadOnlyAdmin(_ReadOnly, ActsAdmin):
    """Rows that staff can read. The tables are large: nobody counts them, and lists are short."""

    show_full_result_count = False
    list_per_page = 50


class ReadOnlyInline(_ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Rows of another table, on the page of the row that they belong to."""

    extra = 0
