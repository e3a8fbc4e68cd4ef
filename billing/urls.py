"""The addresses of the money's pages. Names are plain words; they are what templates link to."""

from django.urls import URLPattern, path

from billing.views import dashboard, webhooks

urlpatterns: list[URLPattern] = [
    path("o/<slug:slug>/", dashboard.dashboard, name="dashboard"),
    path("o/<slug:slug>/switch-on/", dashboard.switch_on, name="switch_on"),
    path("billing/webhooks/stripe/", webhooks.stripe_webhook, name="stripe_webhook"),
]
