"""Loading a program into the database: its row, its features, their rates, what it sells. Safely repeatable.

Terms that may have been used are never edited: a changed rate becomes a new row. Rows that the file no longer names
stay, because usage events refer to them. The file is read in `terms`; what is sold is loaded in `sales_loader`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.audit_actions import Action
from billing.programs.changes import Change, moves
from billing.programs.files import Problems
from billing.programs.sales_loader import Sales
from billing.programs.terms import FeatureTerms, ProgramTerms, RateTerms
from credits.models import Program
from organizations import audit_events
from usage.models import Feature, Pricing, Rate

# Rates without a date hold from here on, so that usage from before Drawdown is priced.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
COLUMNS = ("pricing", "model", "credits", "min_credits", "max_credits", "input_credits", "output_credits", "per")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did. `kept`: rows that the file doesn't name."""

    changes: list[Change]
    kept: list[str]


def load_program(terms: ProgramTerms, *, now: datetime | None = None) -> Loaded:
    """Create or update a program in one transaction, with an audit event for each change.

    now: the instant of the load (aware), from which a changed rate holds where the file gives no date. A second load of
    the same terms writes nothing. Raises BrokenProgram where the terms can't replace those in the database; then
    nothing is written.
    """
    with transaction.atomic():
        load = _Load(terms, now or timezone.now())
        load.program()
        for feature in terms.features:
            load.feature(feature)
        load.problems.refuse()
        sales = Sales(load.row, terms.catalog)
        sales.load()
        changes = [*load.changes, *sales.changes]
        for change in changes:
            audit_events.record(
                action=change.action,
                target=change.target,
                reason=f"load_program {terms.file}",
                details=change.details,
                now=load.now,
            )
        return Loaded(changes, [*load.kept(), *sales.kept])


@dataclass(slots=True)
class _Load:
    terms: ProgramTerms
    now: datetime
    changes: list[Change] = field(default_factory=list)
    problems: Problems = field(init=False)
    row: Program = field(init=False)

    def __post_init__(self) -> None:
        self.problems = Problems(self.terms.file)

    def program(self) -> None:
        """Write the program's row and lock it: other loads and new wallets wait until this load is done."""
        columns = self.terms.columns
        row, is_new = Program.objects.get_or_create(key=self.terms.key, defaults=dict(columns))
        self.row = Program.objects.select_for_update().get(pk=row.pk)
        if is_new:
            self._note(Action.PROGRAM_CREATED, details=moves({}, columns))
            return
        moved = moves({name: getattr(self.row, name) for name in columns}, columns)
        if moved.keys() & {"unit", "decimals"} and self.row.wallets.exists():
            for name in sorted(moved.keys() & {"unit", "decimals"}):
                self.problems.add(
                    "[program]",
                    name,
                    f"can't change from {moved[name]['before']} to {moved[name]['after']}: organizations have wallets"
                    " under this program, and the amounts in them would mean something else.",
                )
        if moved:
            for name in moved:
                setattr(self.row, name, columns[name])
            self.row.save(update_fields=list(moved))
            self._note(Action.PROGRAM_CHANGED, details=moved)
        if "decimals" in moved and not self.problems.sentences:
            # There is no wallet and so no use yet. Rates in the old smallest unit would misprice imported usage.
            Rate.objects.filter(feature__program=self.row).delete()

    def feature(self, terms: FeatureTerms) -> None:
        """Write a feature and its rates."""
        columns = {"name": terms.name, "position": terms.position}
        row, is_new = Feature.objects.get_or_create(program=self.row, key=terms.key, defaults=columns)
        if is_new:
            self._note(Action.FEATURE_CREATED, feature=terms.key, details=moves({}, columns))
        elif moved := moves({name: getattr(row, name) for name in columns}, columns):
            row.name, row.position = terms.name, terms.position
            row.save(update_fields=list(moved))
            self._note(Action.FEATURE_CHANGED, feature=terms.key, details=moved)
        stored = list(row.rates.order_by("effective_at"))
        if any(_is_by_model(old) != _is_by_model(new) for old in stored for new in terms.rates):
            self.problems.add(
                f"[[features]] {terms.key}",
                "rates",
                "a feature priced per token can't be priced otherwise later, nor the reverse: the rates of models would"
                " hold beside the others. Name a new feature.",
            )
            return
        for model in dict.fromkeys(rate.model for rate in terms.rates):
            self._rates(
                row,
                [rate for rate in terms.rates if rate.model == model],
                [old for old in stored if old.model == model],
            )

    def _rates(self, feature: Feature, rates: list[RateTerms], stored: list[Rate]) -> None:
        """Write the missing rates of one feature and model. One without a date holds before the dated ones."""
        first_dated = min((rate.effective_at for rate in rates if rate.effective_at is not None), default=None)
        where = f"[[features]] {feature.key}, [[rates]] {rates[0].model}".rstrip()
        for rate in rates:
            if rate.effective_at is not None:
                old = next((row for row in stored if row.effective_at == rate.effective_at), None)
            else:
                old = _base(stored, until=first_dated, now=self.now)
            if old is not None and _columns(old) == _columns(rate):
                continue
            if rate.effective_at is not None and old is not None:
                self.problems.add(
                    where, "effective_at", f"another rate begins at {rate.effective_at}; name another time."
                )
            elif rate.effective_at is None and old is not None and first_dated is not None and first_dated <= self.now:
                self.problems.add(where, "effective_at", "missing: the rate changed, and a later one is in force.")
            else:
                begins = rate.effective_at or (BEGINNING if old is None else self.now)
                self._add_rate(feature, rate, begins=begins, old=old)

    def _add_rate(self, feature: Feature, rate: RateTerms, *, begins: datetime, old: Rate | None) -> None:
        Rate.objects.create(feature=feature, effective_at=begins, **_columns(rate))
        moved = moves({} if old is None else _columns(old), _columns(rate))
        details = {"model": rate.model, "effective_at": begins.isoformat(), **moved}
        self._note(Action.RATE_CREATED, feature=feature.key, details=details)

    def _note(self, action: Action, *, details: dict[str, Any], feature: str = "") -> None:
        target = f"{self.terms.key}/{feature}".rstrip("/")
        self.changes.append(Change(action, target, details))

    def kept(self) -> list[str]:
        """Return the rows that the file doesn't name."""
        named = {feature.key: {rate.model for rate in feature.rates} for feature in self.terms.features}
        features = Feature.objects.filter(program=self.row).values_list("key", flat=True)
        rates = Rate.objects.filter(feature__program=self.row, feature__key__in=named)
        models = sorted(set(rates.values_list("feature__key", "model")))
        dates = {(f.key, rate.model, rate.effective_at) for f in self.terms.features for rate in f.rates}
        coming = sorted(rates.filter(effective_at__gt=self.now).values_list("feature__key", "model", "effective_at"))
        return [
            *(f"feature {key}" for key in sorted(set(features) - named.keys())),
            *(f"rates of {key} for the model {model}" for key, model in models if model not in named[key]),
            *(
                f"rate of {' '.join(filter(None, row[:2]))} that begins at {row[2]}"
                for row in coming
                if row not in dates
            ),
        ]


def _base(stored: list[Rate], *, until: datetime | None, now: datetime) -> Rate | None:
    """Return the rate in force now, or the last one before the dated rates of the file. `stored`: oldest first."""
    candidates = [row for row in stored if row.effective_at <= now and (until is None or row.effective_at < until)]
    return candidates[-1] if candidates else None


def _columns(rate: Rate | RateTerms) -> dict[str, Any]:
    return {name: getattr(rate, name) for name in COLUMNS}


def _is_by_model(rate: Rate | RateTerms) -> bool:
    return rate.pricing == Pricing.PER_TOKEN
