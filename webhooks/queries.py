"""What pages read of deliveries. Always through an endpoint, so that nobody reads another organization's."""

import json
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max

from webhooks.delivery import body_of
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class Line:
    """A delivery in the log, with the number of its tries that are kept and the last of them."""

    delivery: WebhookDelivery
    tries: int
    last: WebhookAttempt | None


def log(endpoint: WebhookEndpoint, *, before: UUID | None, limit: int) -> tuple[list[Line], UUID | None]:
    """Return an endpoint's deliveries, newest first, and where the next page begins, if there is one. Three queries.

    before: the last delivery of the page before.
    """
    rows = endpoint.deliveries.select_related("event")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    page = list(rows.order_by("-pk")[: limit + 1])
    shown = page[:limit]
    tries = {
        row["delivery"]: row
        for row in WebhookAttempt.objects.filter(delivery__in=shown)
        .values("delivery")
        .annotate(count=Count("pk"), last=Max("pk"))
    }
    last = WebhookAttempt.objects.in_bulk([row["last"] for row in tries.values()])
    lines = [
        Line(each, row["count"], last[row["last"]]) if (row := tries.get(each.pk)) else Line(each, 0, None)
        for each in shown
    ]
    return lines, shown[-1].pk if len(page) > limit else None


def body(delivery: WebhookDelivery) -> str:
    """What is posted, set for reading."""
    return json.dumps(json.loads(body_of(delivery)), indent=2, ensure_ascii=False)
