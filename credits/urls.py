"""The addresses of the ledger's pages. Names are plain words; they are what templates link to."""

from django.urls import URLPattern, path

from credits.views import history, notice_settings

urlpatterns: list[URLPattern] = [
    path("o/<slug:slug>/history/", history.history, name="history"),
    path("o/<slug:slug>/history.csv", history.as_csv, name="history_csv"),
    path("o/<slug:slug>/history/<uuid:operation>/", history.operation, name="operation"),
    path("o/<slug:slug>/notices/settings/", notice_settings.notice_settings, name="notice_settings"),
]
