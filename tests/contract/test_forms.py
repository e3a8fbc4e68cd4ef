"""Forms as Stripe's clients send them."""

import pytest

from tests.contract.forms import decode


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        ("a=1", {"a": "1"}),
        ("a[b][c]=1", {"a": {"b": {"c": "1"}}}),
        ("a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[1]=x", {"a": {"1": "x"}}),
        ("0=x", {"0": "x"}),
        ("a=", {"a": ""}),
        ("a[b]=caf%C3%A9+au+lait", {"a": {"b": "café au lait"}}),
    ],
)
def test_a_form_is_decoded(body: str, decoded: object) -> None:
    assert decode(body) == decoded
