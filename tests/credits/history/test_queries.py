"""Operations as pages and the API read them: page by page, and filtered."""

from datetime import timedelta

import pytest

from credits.history import queries
from credits.history.queries import OperationFilters
from credits.models import Source
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    return WalletDriver(factories.wallet(factories.organization(), factories.program()))


def test_operations_come_page_by_page_and_filtered(driver: WalletDriver) -> None:
    driver.grant(100, source=Source.PROMOTION)
    spent = [driver.spend(n, feature).id for n, feature in ((1, "chat"), (0, "chat"), (0, "report"), (2, "report"))]
    seen, before = [], None
    for _ in range(5):
        page = queries.operations_page(driver.wallet, before=before, limit=1)
        seen += [operation.pk for operation in page.operations]
        driver.spend(1)
        before = page.next
    assert before is None
    assert seen[:4] == spent[::-1]
    reports = queries.operations_page(driver.wallet, filters=OperationFilters(kinds=["usage"], features=["chat"]))
    assert [operation.pk for operation in reports.operations] == [spent[1], spent[0]]
    (given,) = queries.operations_page(driver.wallet, filters=OperationFilters(sources=["promotion"])).operations
    assert given.credits == 100
    after = OperationFilters(since=driver.now + timedelta(days=1))
    assert queries.operations_page(driver.wallet, filters=after).operations == []
