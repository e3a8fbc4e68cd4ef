"""The addresses of the meter's pages. Names are plain words; they are what templates link to."""

from django.urls import URLPattern, path

from usage.views import reports

urlpatterns: list[URLPattern] = [
    path("o/<slug:slug>/usage/", reports.usage, name="usage"),
    path("o/<slug:slug>/usage.csv", reports.usage_csv, name="usage_csv"),
    path("o/<slug:slug>/my-usage/", reports.my_usage, name="my_usage"),
]
