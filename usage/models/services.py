"""Where credits are used: the product, or the customer's apps inside it."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from organizations.models import Organization

# The service that a use belongs to where the caller names none.
DEFAULT_SERVICE = "main"
# Services come into being when first named; a caller that invents names is stopped here.
MAX_SERVICES = 200


class Service(models.Model):
    """The product, or one of the customer's apps inside it, in which credits are used; with its AI switch."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="services")
    key = models.CharField(_("key"), max_length=100)
    name = models.CharField(_("name"), max_length=150)
    is_ai_on = models.BooleanField(_("AI is on"), default=True)
    switched_at = models.DateTimeField(_("changed"), null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="service_key_is_unique")]

    def __str__(self) -> str:
        return self.name
