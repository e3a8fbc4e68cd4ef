"""Unsubscribing by the link in a mail, and subscribing again: without signing in, the token is the proof."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notices import unsubscribing


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@csrf_exempt
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """By GET ask whether to; by POST do it, or with `again` undo it. In the person's language.

    A mail program posts by itself, without cookies, and takes no redirect (RFC 8058): the answer is the page.
    """
    try:
        subscription = unsubscribing.read(token)
    except unsubscribing.UnknownToken as error:
        raise Http404 from error
    if subscription.kind.is_essential:
        raise Http404
    if request.method == "POST":
        unsubscribing.switch(subscription, on="again" in request.POST, now=timezone.now())
    with translation.override(subscription.user.language):
        context = {"subscription": subscription, "is_done": request.method == "POST"}
        return render(request, "notices/unsubscribe.html", context)
