"""What a mail about a notice looks like: in the recipient's language, the same at every try.

Whether and when it is sent is for `delivery` to say.
"""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from notices import kinds, unsubscribing
from notices.models import NoticeMail


def message_for(mail: NoticeMail) -> EmailMultiAlternatives:
    """Return the message. mail: with its user, its notice and the notice's organization.

    Its Message-ID is made of the row: a second copy, sent because nobody knew whether the first had left, is the same
    message to the programs that receive it, which show it once. Raises Unreadable.
    """
    notice, user = mail.notice, mail.user
    organization = notice.organization
    unsubscribe_url = ""
    if not kinds.is_essential(notice.kind):
        token = unsubscribing.token_for(user=user, organization=organization, kind=notice.kind)
        unsubscribe_url = unsubscribing.address_of(token)
    with translation.override(user.language):
        text = kinds.text_of(notice)
        subject = _("%(title)s · %(organization)s") % {"title": text.title, "organization": organization.name}
        context = {
            "text": text,
            "link": _absolute(text.path),
            "organization": organization,
            "notices_url": _absolute(reverse("notices", args=[organization.slug])),
            "unsubscribe_url": unsubscribe_url,
        }
        message = EmailMultiAlternatives(
            # One line, whatever the organization is called: nothing may follow that a mail server takes for a header.
            subject=" ".join(subject.split()),
            body=render_to_string("notices/emails/notice.txt", context),
            to=[user.email],
            headers=_headers(mail, unsubscribe_url),
        )
        message.attach_alternative(render_to_string("notices/emails/notice.html", context), "text/html")
    return message


def _headers(mail: NoticeMail, unsubscribe_url: str) -> dict[str, str]:
    headers = {
        "Message-ID": f"<notice-{mail.pk}@{settings.BASE_HOST}>",
        # No answering machine needs to answer.
        "Auto-Submitted": "auto-generated",
    }
    if unsubscribe_url:
        # RFC 8058: mail programs show their own button, and post to the address when it is pressed.
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _absolute(path: str) -> str:
    # Built from the setting, never from a request: a forged Host header must not get into a mail.
    return str(settings.BASE_URL.rstrip("/")) + path
