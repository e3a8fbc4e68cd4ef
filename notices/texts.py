"""The words of a notice, made from its kind and details when it is read, in the active language.

Pure but for the addresses of pages: no row is read here. Amounts and instants are written by `organizations.formats`;
instants stand on the organization's clocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from notices.models import Kind, Notice
from organizations.formats import format_credits_with_unit, format_day, format_instant, format_money

# What the words of each kind need in `details`. Where there are credits, in smallest units, `decimals` and `unit` too.
AMOUNTS = {"decimals", "unit"}
NEEDS: dict[str, set[str]] = {
    Kind.LOW_BALANCE: {"available", "below"} | AMOUNTS,
    Kind.DEPLETED: {"switched_off"},
    Kind.RESTORED: {"available", "switched_off"} | AMOUNTS,
    Kind.EXPIRING: {"grant", "source", "credits", "remaining", "expires_at", "days"} | AMOUNTS,
    Kind.LIMIT: {"limit_id", "scope", "name", "feature", "percent", "limit", "used", "month_on"} | AMOUNTS,
    Kind.LIMIT_REQUEST: {"request", "member", "scope", "name", "feature", "limit", "used", "asked", "message"}
    | AMOUNTS,
    Kind.LIMIT_ANSWER: {"granted", "credits", "until", "scope", "name", "feature", "answered_by", "answer"} | AMOUNTS,
    Kind.RECHARGE_FAILED: {"needs_person", "amount_minor", "currency", "reason"},
}

# Where credits came from, in the words of the ledger above this room.
SOURCES: dict[str, str | Promise] = {
    "plan": gettext_lazy("plan subscription"),
    "card": gettext_lazy("card purchase"),
    "bank_transfer": gettext_lazy("bank transfer"),
    "auto_recharge": gettext_lazy("auto-recharge"),
    "promotion": gettext_lazy("promotion"),
    "referral": gettext_lazy("referral"),
    "goodwill": gettext_lazy("goodwill"),
}


@dataclass(frozen=True, slots=True)
class Text:
    """What a reader sees. path: where to act, on this site; link_text: what it says."""

    title: str
    sentences: list[str]
    link_text: str
    path: str


def missing(kind: str, details: dict[str, Any]) -> set[str]:
    """What the words of `kind` need and `details` lack."""
    return NEEDS[kind] - details.keys()


def text_of(notice: Notice) -> Text:
    """Return a notice's words. It comes with its organization; `user` tells whether it speaks to one person."""
    words = _Words(notice)
    title, sentences, link_text, page = _BY_KIND[notice.kind](words)
    return Text(title, [sentence for sentence in sentences if sentence], link_text, words.path(*page))


# A title, sentences (empty ones are left out), what the link says, and the page's name with what its address needs.
_Parts = tuple[str, list[str], str, tuple[str, ...]]


class _Words:
    """The details of one notice, written in the active language."""

    def __init__(self, notice: Notice) -> None:
        self.notice = notice
        self.details: dict[str, Any] = notice.details
        self.language = get_language() or "en"
        self.zone: tzinfo = ZoneInfo(notice.organization.time_zone)

    def amount(self, name: str) -> str:
        """Credits with their unit."""
        return self.credits(self.details[name])

    def credits(self, credits: int) -> str:
        """The same of an amount that is not in the details."""
        terms = {"decimals": self.details["decimals"], "unit": self.details["unit"], "language": self.language}
        return format_credits_with_unit(credits, **terms)

    def instant(self, name: str) -> str:
        value = datetime.fromisoformat(self.details[name])
        return format_instant(value, language=self.language, time_zone=self.zone)

    def day_of(self, name: str) -> str:
        """The day of an instant on the organization's clocks, or a date as it is."""
        written = self.details[name]
        is_date = len(written) == len("2026-01-01")
        day = date.fromisoformat(written) if is_date else datetime.fromisoformat(written).astimezone(self.zone).date()
        return format_day(day, language=self.language)

    def line(self, name: str) -> str:
        """What a person typed, in one line."""
        return " ".join(str(self.details[name]).split())

    def quoted(self, name: str) -> str:
        """The same in quotation marks, or nothing."""
        text = self.line(name)
        return _("“%(message)s”") % {"message": text} if text else ""

    def limit(self) -> str:
        """What a limit is about: "the team Research, for Report"."""
        name = self.line("name")
        who = {
            "organization": _("the whole organization"),
            "team": _("the team %(name)s") % {"name": name},
            "user": name if self.notice.user_id is None else _("your own"),
        }[self.details["scope"]]
        feature = self.line("feature")
        return _("%(who)s, for %(feature)s") % {"who": who, "feature": feature} if feature else who

    def path(self, page: str, *arguments: str) -> str:
        """The page's address; the dashboard's where there is no such page."""
        slug = self.notice.organization.slug
        try:
            return reverse(page, args=[slug, *arguments])
        except NoReverseMatch:
            return reverse("dashboard", args=[slug])


def _low_balance(words: _Words) -> _Parts:
    figures = {"available": words.amount("available"), "below": words.amount("below")}
    sentences = [
        _("What can be spent now: %(available)s.") % figures,
        _("The mark below which owners are told: %(below)s.") % figures,
    ]
    return _("The balance is low"), sentences, _("Buy credits"), ("buy",)


def _depleted(words: _Words) -> _Parts:
    if words.details["switched_off"]:
        sentence = _("AI was switched off in all services. After buying, switch on each one that should go on.")
    else:
        sentence = _("Every further use of AI is refused until credits come in.")
    return _("Nothing is left"), [sentence], _("Buy credits"), ("buy",)


def _restored(words: _Words) -> _Parts:
    sentences = [_("What can be spent now: %(available)s.") % {"available": words.amount("available")}]
    if words.details["switched_off"]:
        sentences.append(_("AI is still switched off. Switch each service on when you want it to go on."))
    return _("There are credits again"), sentences, _("To the dashboard"), ("dashboard",)


def _expiring(words: _Words) -> _Parts:
    source = words.details["source"]
    facts = {
        "remaining": words.amount("remaining"),
        "source": SOURCES.get(source, source),
        "instant": words.instant("expires_at"),
        "lost": words.amount("credits"),
    }
    sentences = [
        _("What is left of one grant (%(source)s), %(remaining)s, expires on %(instant)s.") % facts,
        _("At the present pace this much of it would not be used by then: %(lost)s.") % facts,
    ]
    title = _("Credits expire on %(day)s") % {"day": words.day_of("expires_at")}
    return title, sentences, _("To the dashboard"), ("dashboard",)


def _limit(words: _Words) -> _Parts:
    percent = int(words.details["percent"])
    is_reached = percent >= 100
    title = _("A monthly limit is reached") if is_reached else _("%(percent)s%% of a monthly limit is used")
    facts = {
        "limit": words.amount("limit"),
        "used": words.amount("used"),
        "who": words.limit(),
        "day": words.day_of("month_on"),
    }
    sentences = [
        _("Limit: %(who)s.") % facts,
        _("Used since %(day)s: %(used)s of %(limit)s.") % facts,
        _refused(words) if is_reached else "",
    ]
    to_one_person = words.notice.user_id is not None
    link_text, page = (_("Your usage"), "my_usage") if to_one_person else (_("Limits"), "limits")
    return title % {"percent": percent}, sentences, link_text, (page,)


def _refused(words: _Words) -> str:
    """What a limit that is reached stops. It is reached, too, once a use needed more than what is left."""
    left = words.details["limit"] - words.details["used"]
    if left <= 0:
        return _("Further use is refused until the month ends or the limit is raised.")
    return _("Uses that need more than what is left (%(left)s) are refused.") % {"left": words.credits(left)}


def _limit_request(words: _Words) -> _Parts:
    facts = {
        "limit": words.amount("limit"),
        "used": words.amount("used"),
        "who": words.limit(),
    }
    if words.details["asked"] is None:
        asked = _("Asked for: more, no amount is named.")
    else:
        asked = _("Asked for: %(asked)s a month.") % {"asked": words.amount("asked")}
    sentences = [
        _("Limit: %(who)s.") % facts,
        _("Used this month: %(used)s of %(limit)s.") % facts,
        asked,
        words.quoted("message"),
    ]
    title = _("%(member)s asks for more") % {"member": words.line("member")}
    return title, sentences, _("Answer"), ("limit_request", words.details["request"])


def _limit_answer(words: _Words) -> _Parts:
    facts = {"person": words.line("answered_by"), "who": words.limit()}
    sentences = [_("Limit: %(who)s.") % facts]
    if not words.details["granted"]:
        sentences += [_("%(person)s left it as it is.") % facts, words.quoted("answer")]
        return _("Your request for more was declined"), sentences, _("Your usage"), ("my_usage",)
    if words.details["credits"] is None:
        sentences.append(_("%(person)s took it away: it stops nothing any more.") % facts)
    else:
        raised = {**facts, "credits": words.amount("credits")}
        sentences.append(_("%(person)s raised it to %(credits)s a month.") % raised)
    if words.details["until"] is not None:
        sentences.append(_("It is raised until %(instant)s.") % {"instant": words.instant("until")})
    return _("Your request for more was granted"), sentences, _("Your usage"), ("my_usage",)


def _recharge_failed(words: _Words) -> _Parts:
    currency = words.details["currency"]
    amount = format_money(words.details["amount_minor"], currency=currency, language=words.language)
    if words.details["needs_person"]:
        why = _("It could not pay %(amount)s: the bank wants to see you.") % {"amount": amount}
    else:
        why = _("It could not pay %(amount)s.") % {"amount": amount}
    reason = words.line("reason")
    sentences = [
        why,
        _("The bank's answer: %(reason)s") % {"reason": reason} if reason else "",
        _("Nothing is bought by itself until you pay, or start it again."),
    ]
    return _("Auto-recharge has stopped"), sentences, _("Auto-recharge"), ("auto_recharge",)


_BY_KIND: dict[str, Callable[[_Words], _Parts]] = {
    Kind.LOW_BALANCE: _low_balance,
    Kind.DEPLETED: _depleted,
    Kind.RESTORED: _restored,
    Kind.EXPIRING: _expiring,
    Kind.LIMIT: _limit,
    Kind.LIMIT_REQUEST: _limit_request,
    Kind.LIMIT_ANSWER: _limit_answer,
    Kind.RECHARGE_FAILED: _recharge_failed,
}
