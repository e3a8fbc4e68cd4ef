"""The meter's rows: services, features and rates, usage events, limits, daily sums. Credits in smallest units."""

from usage.models.events import ReservedUse, UsageEvent
from usage.models.limits import Limit, LimitRequest, LimitScope, LimitUse, RequestState
from usage.models.prices import Feature, Pricing, Rate
from usage.models.rollups import DailyUsage, LateUse, Shape, UsageRollup
from usage.models.services import DEFAULT_SERVICE, MAX_SERVICES, Service

__all__ = [
    "DEFAULT_SERVICE",
    "MAX_SERVICES",
    "DailyUsage",
    "Feature",
    "LateUse",
    "Limit",
    "LimitRequest",
    "LimitScope",
    "LimitUse",
    "Pricing",
    "Rate",
    "RequestState",
    "ReservedUse",
    "Service",
    "Shape",
    "UsageEvent",
    "UsageRollup",
]
