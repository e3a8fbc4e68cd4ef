"""What several test modules share. What compares rows here says what differed, as in the tests themselves."""

import pytest

pytest.register_assert_rewrite("tests.support.reference.invariants", "tests.support.reference.twin")
