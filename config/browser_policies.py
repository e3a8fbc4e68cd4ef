"""What browsers may do on our pages. Imported by the settings."""

from typing import Any

from csp.constants import NONE, SELF

PERMISSIONS_POLICY: dict[str, list[str]] = {
    "camera": [],
    "geolocation": [],
    "microphone": [],
    "payment": [],
    "usb": [],
    "publickey-credentials-get": ["self"],
}


def content_security_policy(form_targets: list[str]) -> dict[str, Any]:
    """Return the policy of all pages: everything is our own. form_targets: other sites to which a form may lead."""
    return {
        "DIRECTIVES": {
            "default-src": [NONE],
            "script-src": [SELF],
            "style-src": [SELF],
            "img-src": [SELF, "data:"],
            "font-src": [SELF],
            "connect-src": [SELF],
            "form-action": [SELF, *form_targets],
            "base-uri": [NONE],
            "frame-ancestors": [NONE],
            "manifest-src": [SELF],
        }
    }
