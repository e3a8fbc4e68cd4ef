"""Django's admin app with our site, so that `admin.site` is the guarded one everywhere."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    default_site = "organizations.staff.site.StaffSite"
