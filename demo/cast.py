"""The demo's organizations and people, what they were given and what they use. Data only."""

from dataclasses import dataclass, field

from billing.models import Method
from credits.models import Source

PASSWORD = "credits-in-good-order"
# For the staff account's code generator: any authenticator app, or `oathtool --totp --base32`.
STAFF_EMAIL = "staff@drawdown.example"
STAFF_TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass(frozen=True)
class Gift:
    """Credits given on a day (0: 90 days ago), in whole units.

    days: until they expire; None: never. features: the only ones that they can be spent on.
    """

    day: int
    credits: int
    source: Source
    days: int | None = None
    memo: str = ""
    features: frozenset[str] | None = None


@dataclass(frozen=True)
class Bought:
    """A purchase of a pack, or of an amount in minor units, paid on a day and ordered `waited` days before.

    is_canceled: it was canceled at once.
    """

    day: int
    pack: str = ""
    amount_minor: int = 0
    lots: int = 1
    method: Method = Method.CARD
    waited: int = 0
    is_canceled: bool = False


@dataclass(frozen=True)
class Work:
    """A kind of use: its likelihood relative to the others, and the range of each measure."""

    feature: str
    weight: int
    model: str = ""
    input_tokens: tuple[int, int] | None = None
    output_tokens: tuple[int, int] | None = None
    quantity: tuple[int, int] | None = None
    credits: tuple[int, int] | None = None


@dataclass(frozen=True)
class Person:
    """A person of an organization. `diligence`: how much they use, relative to the others."""

    name: str
    mail: str
    role: str = "member"
    team: str | None = None
    diligence: int = 2


@dataclass(frozen=True)
class Actor:
    """An organization of the demo; its slug is its program's key."""

    slug: str
    name: str
    time_zone: str
    language: str
    country: str
    currency: str
    people: tuple[Person, ...]
    services: tuple[tuple[str, str], ...]
    work: tuple[Work, ...]
    legal_name: str
    address: str
    tax_number: str
    purchases: tuple[Bought, ...]
    gifts: tuple[Gift, ...]
    uses_a_day: int
    weekend_share: float = 0.25
    # The key of the plan that they are on from the first day.
    plan: str = ""
    # Codes redeemed on the first day.
    codes: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    projects: tuple[str, ...] = field(default=())


GROWI = Actor(
    slug="growi",
    name="Wakaba Seisakusho",
    time_zone="Asia/Tokyo",
    language="ja",
    country="JP",
    currency="JPY",
    people=(
        Person("Hana Mori", "hana@wakaba.example", "owner", "企画部"),
        Person("Kenji Abe", "kenji@wakaba.example", "member", "企画部", 4),
        Person("Yui Tanaka", "yui@wakaba.example", "member", "開発部", 5),
        Person("Sota Ito", "sota@wakaba.example", "member", "開発部", 3),
        Person("Mei Sato", "mei@wakaba.example", "member", None, 1),
    ),
    services=(("handbook", "Company handbook"), ("engineering", "Engineering wiki"), ("sales", "Sales wiki")),
    work=(
        Work("knowledge-assistant", 5),
        Work("editor-assistant", 8),
        Work("page-summary", 6),
        Work("page-translation", 3),
        Work("search-suggestion", 12),
    ),
    legal_name="株式会社若葉製作所",
    address="東京都大田区蒲田1-2-3",
    tax_number="T0000000000000",
    purchases=(Bought(0, "lot"), Bought(28, "lot"), Bought(55, "lot", lots=2)),
    gifts=(Gift(0, 300, Source.GOODWILL, days=60, memo="Welcome"),),
    plan="basic",
    uses_a_day=45,
)

ALLIBEE = Actor(
    slug="allibee",
    name="Haneul Partners",
    time_zone="Asia/Seoul",
    language="ko",
    country="KR",
    currency="KRW",
    people=(
        Person("Jiwoo Kim", "jiwoo@haneul.example", "owner", "경영지원"),
        Person("Minjun Lee", "minjun@haneul.example", "owner", "법무", 3),
        Person("Seoyeon Park", "seoyeon@haneul.example", "member", "법무", 5),
        Person("Doyun Choi", "doyun@haneul.example", "member", "경영지원", 2),
        Person("Haeun Jung", "haeun@haneul.example", "member", "영업", 4),
    ),
    services=(("office", "Allibee Office"), ("messenger", "Allibee Messenger")),
    work=(
        Work("document-draft", 6),
        Work("document-review", 4),
        Work("meeting-minutes", 2),
        Work("translation", 5),
        Work("chat", 14),
    ),
    legal_name="하늘파트너스 주식회사",
    address="서울특별시 중구 세종대로 1",
    tax_number="000-00-00001",
    purchases=(Bought(3, "large"), Bought(41, "large", method=Method.BANK_TRANSFER, waited=2)),
    gifts=(),
    plan="business",
    uses_a_day=30,
    weekend_share=0.1,
)

FLUXORI = Actor(
    slug="fluxori",
    name="Karoo Traders",
    time_zone="Africa/Johannesburg",
    language="en",
    country="ZA",
    currency="ZAR",
    people=(
        Person("Thandi Nkosi", "thandi@karoo.example", "owner", "Buying"),
        Person("Pieter Botha", "pieter@karoo.example", "member", "Buying", 4),
        Person("Zanele Dube", "zanele@karoo.example", "member", "Pricing", 5),
        Person("Imran Patel", "imran@karoo.example", "member", "Pricing", 3),
        Person("Lindiwe Khumalo", "lindiwe@karoo.example", "member", "Warehouse", 2),
    ),
    services=(("storefront", "Storefront"), ("back-office", "Back office")),
    work=(
        Work("daily-market-trend-report", 3),
        Work("product-pricing-recommendation", 9),
        Work("inventory-restock-prediction", 6),
        Work("bulk-pricing-optimization", 1),
        Work("custom-ai-query", 5, credits=(10, 50)),
        Work("competitor-analysis", 2),
    ),
    legal_name="Karoo Traders (Pty) Ltd",
    address="1 Long Street\nCape Town 8001",
    tax_number="4000000000",
    purchases=(Bought(11, "medium", is_canceled=True), Bought(12, "large")),
    gifts=(
        Gift(20, 200, Source.REFERRAL, days=90, memo="Referred Cape Crafts"),
        Gift(74, 500, Source.PROMOTION, days=25, memo="Spring", features=frozenset({"competitor-analysis"})),
    ),
    codes=("WELCOME",),
    plan="scale",
    uses_a_day=9,
    limits=(("Warehouse", 1_500), ("pieter@karoo.example", 4_000)),
)

SKYDECK = Actor(
    slug="skydeck",
    name="Juniper Labs",
    time_zone="America/New_York",
    language="en",
    country="US",
    currency="USD",
    people=(
        Person("Maya Chen", "maya@juniper.example", "owner", "Platform"),
        Person("Owen Brooks", "owen@juniper.example", "member", "Platform", 5),
        Person("Priya Shah", "priya@juniper.example", "member", "Research", 4),
        Person("Luis Ortega", "luis@juniper.example", "member", "Research", 3),
    ),
    services=(("ide", "Editor"), ("chat", "Team chat")),
    work=(
        Work("code-completion", 16, "code-small", (400, 6_000), (5, 400)),
        Work("code-completion", 4, "code-large", (800, 9_000), (20, 900)),
        Work("chat", 6, "chat-medium", (200, 4_000), (100, 1_500)),
        Work("chat", 2, "chat-large", (500, 12_000), (200, 3_000)),
        Work("document-search", 3, "embedding-small", (2_000, 60_000), (0, 0)),
    ),
    legal_name="Juniper Labs, Inc.",
    address="1 Main Street\nBrooklyn, NY 11201",
    tax_number="00-0000000",
    purchases=(
        Bought(0, amount_minor=2_500),
        Bought(9, amount_minor=10_000),
        Bought(58, amount_minor=25_000),
    ),
    gifts=(),
    plan="pro",
    uses_a_day=90,
)

ENRICH = Actor(
    slug="enrich",
    name="Nordlicht Daten",
    time_zone="Europe/Berlin",
    language="en",
    country="DE",
    currency="EUR",
    people=(
        Person("Lena Vogt", "lena@nordlicht.example", "owner", "CRM"),
        Person("Jonas Weber", "jonas@nordlicht.example", "member", "CRM", 4),
        Person("Aylin Demir", "aylin@nordlicht.example", "member", "Marketing", 3),
    ),
    services=(("crm", "CRM"), ("imports", "List imports")),
    work=(
        Work("enrichment", 9, quantity=(2_000, 60_000)),
        Work("hygiene", 6, quantity=(1_000, 20_000)),
        Work("deduplication", 3, quantity=(500, 15_000)),
        Work("classification", 2, quantity=(500, 8_000)),
    ),
    legal_name="Nordlicht Daten GmbH",
    address="Hafenstraße 1\n20457 Hamburg",
    tax_number="DE000000000",
    purchases=(
        Bought(1, "plus"),
        Bought(38, "plus"),
        Bought(70, "standard", method=Method.AUTO_RECHARGE),
        Bought(84, "standard", method=Method.AUTO_RECHARGE),
    ),
    gifts=(),
    plan="team",
    uses_a_day=11,
    projects=("spring-campaign", "newsletter", "b2b-leads"),
)

CAST = (GROWI, ALLIBEE, FLUXORI, SKYDECK, ENRICH)
