"""The ledger's tests. What compares rows in other modules than tests says what differed all the same."""

import pytest

pytest.register_assert_rewrite("tests.credits.invariants", "tests.credits.twin")
