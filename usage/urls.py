"""The addresses of the meter's pages. Names are plain words; they are what templates link to."""

from django.urls import URLPattern, path

from usage.views import limit_requests, limits, reports, services

urlpatterns: list[URLPattern] = [
    path("o/<slug:slug>/usage/", reports.usage, name="usage"),
    path("o/<slug:slug>/usage.csv", reports.usage_csv, name="usage_csv"),
    path("o/<slug:slug>/my-usage/", reports.my_usage, name="my_usage"),
    path("o/<slug:slug>/my-usage/limits/<str:whose>/<str:feature>/ask/", limit_requests.ask, name="limit_ask"),
    path("o/<slug:slug>/services/", services.services, name="services"),
    path("o/<slug:slug>/services/switch/", services.switch, name="services_switch"),
    path("o/<slug:slug>/services/switch-all/", services.switch_all, name="services_switch_all"),
    path("o/<slug:slug>/services/rename/", services.rename, name="service_rename"),
    path("o/<slug:slug>/limits/", limits.limits, name="limits"),
    path("o/<slug:slug>/limits/add/", limits.add, name="limit_add"),
    path("o/<slug:slug>/limits/requests/<str:public_id>/", limit_requests.limit_request, name="limit_request"),
    path("o/<slug:slug>/limits/requests/<str:public_id>/grant/", limit_requests.grant, name="limit_request_grant"),
    path(
        "o/<slug:slug>/limits/requests/<str:public_id>/decline/", limit_requests.decline, name="limit_request_decline"
    ),
    path("o/<slug:slug>/limits/<str:whose>/<str:feature>/", limits.limit, name="limit"),
    path("o/<slug:slug>/limits/<str:whose>/<str:feature>/change/", limits.change, name="limit_change"),
    path("o/<slug:slug>/limits/<str:whose>/<str:feature>/raise/", limits.raise_limit, name="limit_raise"),
    path("o/<slug:slug>/limits/<str:whose>/<str:feature>/end/", limits.end, name="limit_raise_end"),
    path("o/<slug:slug>/limits/<str:whose>/<str:feature>/clear/", limits.clear, name="limit_clear"),
]
