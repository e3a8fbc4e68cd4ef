"""The addresses of webhooks. Names are plain words; they are what templates link to."""

from django.urls import URLPattern, path

from webhooks.views import deliveries, endpoints

urlpatterns: list[URLPattern] = [
    path("o/<slug:slug>/webhooks/", endpoints.webhooks, name="webhooks"),
    path("o/<slug:slug>/webhooks/create/", endpoints.create, name="webhook_create"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/", endpoints.webhook, name="webhook"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/change/", endpoints.change, name="webhook_change"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/disable/", endpoints.disable, name="webhook_disable"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/enable/", endpoints.enable, name="webhook_enable"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/rotate/", endpoints.rotate, name="webhook_rotate"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/test/", deliveries.test, name="webhook_test"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/<uuid:delivery>/", deliveries.delivery, name="webhook_delivery"),
    path("o/<slug:slug>/webhooks/<str:endpoint>/<uuid:delivery>/replay/", deliveries.replay, name="webhook_replay"),
]
