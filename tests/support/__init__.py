"""What several test modules share. What compares rows here says what differed, as in the tests themselves."""

import pytest

pytest.register_assert_rewrite("tests.support.credits.reference.invariants", "tests.support.credits.reference.twin")
