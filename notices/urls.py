"""The addresses of notices. Names are plain words; they are what templates link to."""

from django.urls import URLPattern, path

from notices.views import notices, unsubscribe

urlpatterns: list[URLPattern] = [
    path("notices/unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("o/<slug:slug>/notices/", notices.notices, name="notices"),
    path("o/<slug:slug>/notices/dismiss/", notices.dismiss_all, name="notices_dismiss"),
    path("o/<slug:slug>/notices/<uuid:notice>/dismiss/", notices.dismiss, name="notice_dismiss"),
]
