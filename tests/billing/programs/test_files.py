"""Programs' files that are wrong: every problem is named at once, with its file, table and key."""

from pathlib import Path

import pytest

from billing.programs.files import BrokenProgram, find_file
from billing.programs.terms import read_program
from tests.support.billing.programs import SELLING, SMALL

PLAN = '\n[[plans]]\nkey = "p"\nname = "P"\ninterval = "month"\nprices = { EUR = "0.00" }\n'
ALLOWANCE = '\n[allowance]\nsource = "plan"\nexpires = "end_of_cycle"\npriority = 50\n'


def problems(folder: Path, text: str | bytes) -> list[str]:
    """What is wrong with the file, without its name."""
    path = folder / "small.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BrokenProgram) as broken:
        read_program(path)
    assert all(sentence.startswith("small.toml: ") for sentence in broken.value.problems)
    return [sentence.removeprefix("small.toml: ") for sentence in broken.value.problems]


def changed(old: str, new: str, text: str = SMALL + SELLING) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_the_file_that_the_others_are_made_of_is_right(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL + SELLING + PLAN)

    terms = read_program(path)

    assert terms.columns["overdraft_limit"] == 150
    report, chat = (feature.rates[0] for feature in terms.features)
    assert report.credits == 25
    assert (chat.model, chat.input_credits, chat.output_credits, chat.per) == ("m", 15, 200, 1_000)


def test_a_program_may_set_at_which_shares_of_a_limit_notices_are_sent(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL + SELLING + '\n[limits]\nscopes = ["team"]\nthresholds_percent = [60, 95]\n')

    assert read_program(path).columns["limit_thresholds"] == [60, 95]


# One error each: what is replaced, by what, and the message.
WRONG = [
    ("decimals = 2", "decimals = 7", "[program]: decimals: must be a whole number from 0 to 6."),
    ("decimals = 2", "decimals = true", "[program]: decimals: must be a whole number from 0 to 6."),
    ('unit = "credits"', 'unit = "coins"', '[program]: unit: must be "credits" or "tokens".'),
    (
        'key = "small"',
        'key = "Small one"',
        "[program]: key: must be a key: at most 40 of a-z, 0-9, hyphen and underscore.",
    ),
    ('name = "Small"', 'name = "Sm\\u0000all"', "[program]: name: must be a text of 1 to 100 characters."),
    ('name = "Small"', "", "[program]: name: missing."),
    ("[refunds]", "[refund]", "refund: unknown; known here: "),
    ("overdraft_limit =", "overdraft =", "[spending]: overdraft: unknown; known here: at_zero, "),
    (
        "reservation_seconds = 60",
        "reservation_seconds = 86_401",
        "[spending]: reservation_seconds: must be seconds, 1 to 86400.",
    ),
    (
        'overdraft_limit = "1.50"',
        'overdraft_limit = "1.505"',
        "[spending]: overdraft_limit: 1.505 has more decimals than the program's 2.",
    ),
    ("credits = 100\n", "credits = 0.1\n", "[[packs]] pack: credits: must be an amount of credits: a whole number, "),
    ("credits = 100\n", "credits = -1\n", "[[packs]] pack: credits: must be an amount of credits: a whole number, "),
    ("credits = 100\n", f"credits = 1{'0' * 90}\n", "[[packs]] pack: credits: must be an amount of credits: "),
    ("credits = 100\n", "credits = 0\n", "[[packs]] pack: credits: must be from 0.01 to 10000000000.00, not 0."),
    ("credits = 100\n", 'credits = "1e3"\n', '[[packs]] pack: credits: must be a plain number such as 25 or "0.15"'),
    ("credits = 100\n", 'credits = "1_000"\n', "[[packs]] pack: credits: must be a plain number"),
    ("credits = 100\n", 'credits = "١"\n', "[[packs]] pack: credits: must be a plain number"),
    (
        'credits = "0.25"',
        'credits = "0.125"',
        "[[features]] report, [[rates]] 1: credits: 0.125 has more decimals than the program's 2.",
    ),
    ('EUR = "10.00"', "EUR = 10.00", '[[packs]] pack: prices: must be one price per currency ({ EUR = "10.00" }).'),
    ('EUR = "10.00"', 'EUR = "10.005"', "[[packs]] pack: prices.EUR: 10.005 has more decimals than EUR, which has 2."),
    ('EUR = "10.00"', 'EUR = "0.00"', "[[packs]] pack: prices.EUR: must be more than 0, not 0.00."),
    ('EUR = "10.00"', 'EUR = "1000000.00"', "[[packs]] pack: prices.EUR: must be at most 999999.99, not 1000000.00."),
    ('EUR = "10.00"', 'USD = "1.00"', "[[packs]] pack: prices: no amount in EUR."),
    ('EUR = "10.00"', 'EUR = "1", USD = "1"', "[[packs]] pack: prices: USD is not among the program's currencies."),
    ('code = "EUR"', 'code = "ABC"', "[[currencies]] ABC: code: ABC is not a currency that amounts are kept in."),
    (
        'code = "EUR"',
        'code = "EUR"\ncountries = ["DE"]',
        "[[currencies]]: countries: exactly one currency must be without: it is for the rest.",
    ),
    ('people = "owners"', 'people = "members"', '[buying]: people: must be "owners".'),
    ('["new_card"]', "[]", "[buying]: methods: there must be one at least."),
    ('["new_card"]', '["new_card", "new_card"]', "[buying]: methods: “new_card” comes twice."),
    ('["new_card"]', '["cash"]', '[buying]: methods: must be a list, each "saved_card" or '),
    ('["new_card"]', '["new_card"]\ntax_invoice = true', "[buying]: tax_invoice: only bank transfers get one"),
    ('["new_card"]', '["new_card"]\nvalidity_days = 0', "[buying]: validity_days: must be days, 1 to 36500."),
    (
        'organizations = "any"',
        'organizations = "on_paid_plan"',
        "[buying]: organizations: only for paid plans, but no ",
    ),
    ("credits = 100\n", "credits = 100\nlots = { least = 2, most = 1 }\n", "[[packs]] pack: lots: the least is more"),
    ("credits = 100\n", "credits = 100\nlots = { least = 1 }\n", "[[packs]] pack, [lots]: most: missing."),
    ("per = 1_000", "per = 0", "[[features]] chat, [[rates]] m: per: must be a whole number from 1 to 2147483647."),
    (
        ", per = 1_000",
        "",
        "[[features]] chat, [[rates]] m: per: missing: a rate that is per_token needs it.",
    ),
    (
        'pricing = "fixed"',
        'pricing = "fixed", per = 1',
        "[[features]] report, [[rates]] 1: per: would be ignored: a rate that is fixed doesn't use it.",
    ),
    (
        'pricing = "fixed"',
        'pricing = "fixed", effective_at = 2026-01-01T00:00:00',
        "[[features]] report, [[rates]] 1: effective_at: must be an instant with its offset (2026-12-01T00:00:00Z).",
    ),
    (
        '{ pricing = "fixed", credits = "0.25" }',
        '{ pricing = "range", min_credits = 3, max_credits = 2 }',
        "[[features]] report, [[rates]] 1: min_credits: more than max_credits.",
    ),
    (
        '{ pricing = "fixed", credits = "0.25" }',
        '{ pricing = "fixed", credits = 1 }, { pricing = "fixed", credits = 2 }',
        "[[features]] report: rates: “without effective_at” comes twice.",
    ),
    (
        '{ pricing = "fixed", credits = "0.25" }',
        (
            '{ pricing = "fixed", credits = 1 }, { pricing = "per_token", model = "m", input_credits = 1,'
            " output_credits = 1, per = 1 }"
        ),
        "[[features]] report: rates: a feature is priced per token or otherwise, not both.",
    ),
    ('[{ pricing = "fixed", credits = "0.25" }]', "[]", "[[features]] report: rates: there must be one at least."),
    ('key = "chat"', 'key = "report"', "[[features]]: key: “report” comes twice."),
]


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG, ids=[f"{case[2][:50]} {case[1][:20]}" for case in WRONG])
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    found = problems(tmp_path, changed(old, new))

    assert any(problem.startswith(sentence) for problem in found), found


# Tables that are added, with the sentence.
ADDED = [
    (PLAN + "allowance = 5\n", "[allowance]: missing, but a plan has an allowance."),
    (PLAN + ALLOWANCE, "[allowance]: no plan has an allowance."),
    (PLAN + PLAN, "[[plans]]: key: “p” comes twice."),
    (PLAN + "allowance = 0\n", "[[plans]] p: allowance: must be from 0.01 to 10000000000.00, not 0."),
    (
        '\n[auto_recharge]\npack = "big"\nthreshold = 1\nmonthly_limit = { EUR = "5" }\n',
        "[auto_recharge]: pack: there is no pack “big”.",
    ),
    (
        '\n[[custom_amounts]]\ncurrency = "EUR"\nleast = "5.00"\nmost = "1.00"\nstep = "0.30"\ncredits_per_step = 1\n',
        "[[custom_amounts]] EUR: least: 5.00 is more than the most, 1.00.",
    ),
    (
        '\n[[custom_amounts]]\ncurrency = "EUR"\nleast = "5.00"\nmost = "9.00"\nstep = "0.30"\ncredits_per_step = 1\n',
        "[[custom_amounts]] EUR: step: the least and the most must be multiples of it.",
    ),
    ('\n[limits]\nscopes = ["team"]\nthresholds_percent = [90, 50]\n', "[limits]: thresholds_percent: must rise."),
    (
        '\n[limits]\nscopes = ["team"]\nthresholds_percent = [101]\n',
        "[limits]: thresholds_percent: must be a list, each a whole number from 1 to 100.",
    ),
    ('\n[reports]\nthrough = "yesterday"\nby = ["team", "team"]\n', "[reports]: by: “team” comes twice."),
    ("\n[notices]\nlow_balance = 0\n", "[notices]: low_balance: must be from 0.01 to 10000000000000.00, not 0."),
    ('\n[holding_limit]\ncredits = 0\nlaw = "L"\n', "[holding_limit]: credits: must be from 0.01 to "),
    ("\n[referral]\nreferrer_credits = 0\nreferred_credits = 1\n", "[referral]: referrer_credits: must be from 0.01 "),
    ('\n[[promotions]]\ncode = "hi"\nname = "Hi"\ncredits = 1\n', "[[promotions]] hi: code: must be 2 to 30 of A-Z"),
    (SELLING[SELLING.index("[[packs]]") :], "[[packs]]: key: “pack” comes twice."),
]


@pytest.mark.parametrize(("added", "sentence"), ADDED, ids=[case[1][:60] for case in ADDED])
def test_what_is_wrong_in_a_further_table_is_named(tmp_path: Path, added: str, sentence: str) -> None:
    found = problems(tmp_path, SMALL + SELLING + added)

    assert any(problem.startswith(sentence) for problem in found), found


def test_selling_needs_its_terms(tmp_path: Path) -> None:
    text = SMALL + SELLING[SELLING.index("[[packs]]") :]

    assert problems(tmp_path, text) == ["[buying]: missing, but the program sells credits."]


@pytest.mark.parametrize(
    ("currency", "price", "sentence"),
    [
        ("JPY", "100.5", "prices.JPY: 100.5 has more decimals than JPY, which has 0."),
        ("KWD", "1.001", "prices.KWD: 1.001 must end in 0: KWD is charged to two decimals."),
        ("UGX", "100", "prices.UGX: UGX is not a currency that amounts are kept in."),
    ],
)
def test_a_price_is_one_that_the_currency_can_have(tmp_path: Path, currency: str, price: str, sentence: str) -> None:
    text = changed('code = "EUR"', f'code = "{currency}"').replace('EUR = "10.00"', f'{currency} = "{price}"')

    assert f"[[packs]] pack: {sentence}" in problems(tmp_path, text)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    text = changed("reservation_seconds = 60", "reservation_seconds = 0")
    text = changed('credits = "0.25"', 'credits = "0.001"', text)
    text = changed("credits = 100\n", 'credits = "0.001"\ncolour = "red"\n', text)
    text = changed('EUR = "10.00"', 'EUR = "ten"', text + "\n[surprise]\n")

    surprise, *others = problems(tmp_path, text)
    assert surprise.startswith("surprise: unknown; known here: program, currencies, spending, refunds, features, ")
    assert others == [
        "[spending]: reservation_seconds: must be seconds, 1 to 86400.",
        "[[packs]] pack: colour: unknown; known here: key, name, credits, prices, most_popular, lots.",
        "[[packs]] pack: credits: 0.001 has more decimals than the program's 2.",
        '[[packs]] pack: prices.EUR: must be a plain number such as "10.00", not "ten".',
        "[[features]] report, [[rates]] 1: credits: 0.001 has more decimals than the program's 2.",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[program", "not TOML: "),
        (b"\xff\xfe", "not a text in UTF-8."),
        ("", "program: missing."),
        (f"a = {'[' * 100_000}", "not TOML: "),
        (f"a = {'9' * 5_000}", "not TOML: "),
        ("#" * 1_000_001, "larger than 1000000 bytes."),
    ],
    ids=["cut off", "not UTF-8", "empty", "deep", "long number", "large"],
)
def test_what_is_no_program_at_all_is_named(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    assert problems(tmp_path, text)[0].startswith(sentence)


def test_a_name_that_is_none_lists_those_that_are() -> None:
    with pytest.raises(BrokenProgram, match=r"nowhere: neither a program \(allibee, .*skydeck\) nor the path of a"):
        find_file("nowhere")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenProgram, match=r"missing\.toml: No such file or directory\."):
        read_program(find_file(str(tmp_path / "missing.toml")))
