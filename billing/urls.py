"""The addresses of billing's pages. Templates link to them by name.

Addresses of Stripe's webhook and of owners' pages; the API and the admin have their own.
"""

from django.urls import URLPattern, path

from billing.views import (
    auto_recharge,
    billing_details,
    buy,
    dashboard,
    payment_methods,
    plan,
    promotions,
    purchases,
    refund_requests,
    webhooks,
)

urlpatterns: list[URLPattern] = [
    path("o/<slug:slug>/", dashboard.dashboard, name="dashboard"),
    path("o/<slug:slug>/switch-on/", dashboard.switch_on, name="switch_on"),
    path("o/<slug:slug>/buy/", buy.buy, name="buy"),
    path("o/<slug:slug>/buy/review/", buy.review, name="buy_review"),
    path("o/<slug:slug>/purchases/", purchases.purchases, name="purchases"),
    path("o/<slug:slug>/purchases.csv", purchases.as_csv, name="purchases_csv"),
    path("o/<slug:slug>/purchases/<slug:reference>/", purchases.purchase, name="purchase"),
    path("o/<slug:slug>/purchases/<slug:reference>/document/", purchases.document, name="purchase_document"),
    path("o/<slug:slug>/purchases/<slug:reference>/return/", purchases.returned, name="purchase_return"),
    path("o/<slug:slug>/purchases/<slug:reference>/canceled/", purchases.left, name="purchase_canceled"),
    path("o/<slug:slug>/purchases/<slug:reference>/pay/", purchases.pay, name="purchase_pay"),
    path("o/<slug:slug>/purchases/<slug:reference>/cancel/", purchases.cancel_order, name="purchase_cancel"),
    path("o/<slug:slug>/billing-details/", billing_details.billing_details, name="billing_details"),
    path("o/<slug:slug>/promotions/", promotions.promotions, name="promotions"),
    path("o/<slug:slug>/promotions/redeem/", promotions.redeem, name="promotion_redeem"),
    path("o/<slug:slug>/promotions/referral/", promotions.refer, name="referral_use"),
    path("o/<slug:slug>/promotions/code/", promotions.make_code, name="referral_code"),
    path("o/<slug:slug>/plan/", plan.plan, name="plan"),
    path("o/<slug:slug>/plan/to/<slug:key>/", plan.choose_plan, name="choose_plan"),
    path("o/<slug:slug>/plan/cancel/", plan.cancel_plan, name="cancel_plan"),
    path("o/<slug:slug>/plan/return/", plan.plan_return, name="plan_return"),
    path("o/<slug:slug>/plan/portal/", plan.plan_portal, name="plan_portal"),
    path("o/<slug:slug>/plan/portal/return/", plan.plan_portal_return, name="plan_portal_return"),
    path("o/<slug:slug>/payment-methods/", payment_methods.payment_methods, name="payment_methods"),
    path("o/<slug:slug>/payment-methods/add/", payment_methods.add_payment_method, name="add_payment_method"),
    path(
        "o/<slug:slug>/payment-methods/return/", payment_methods.payment_methods_return, name="payment_methods_return"
    ),
    path(
        "o/<slug:slug>/payment-methods/<int:pk>/default/",
        payment_methods.make_payment_method_default,
        name="make_payment_method_default",
    ),
    path(
        "o/<slug:slug>/payment-methods/<int:pk>/remove/",
        payment_methods.remove_payment_method,
        name="remove_payment_method",
    ),
    path("o/<slug:slug>/purchases/<slug:reference>/refund/", refund_requests.refund_request, name="refund_request"),
    path("o/<slug:slug>/auto-recharge/", auto_recharge.auto_recharge, name="auto_recharge"),
    path("o/<slug:slug>/auto-recharge/review/", auto_recharge.auto_recharge_review, name="auto_recharge_review"),
    path("o/<slug:slug>/auto-recharge/off/", auto_recharge.auto_recharge_off, name="auto_recharge_off"),
    path("o/<slug:slug>/auto-recharge/restart/", auto_recharge.auto_recharge_restart, name="auto_recharge_restart"),
    path("o/<slug:slug>/auto-recharge/<uuid:attempt>/pay/", auto_recharge.auto_recharge_pay, name="auto_recharge_pay"),
    path("billing/webhooks/stripe/", webhooks.stripe_webhook, name="stripe_webhook"),
]
