"""The addresses of all apps."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("config.api")),
    path("", include("organizations.urls")),
    path("", include("notices.urls")),
    path("", include("webhooks.urls")),
    path("", include("credits.urls")),
    path("", include("usage.urls")),
    path("", include("billing.urls")),
]

handler500 = "config.errors.server_error"
