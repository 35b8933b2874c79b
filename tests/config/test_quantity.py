"""Amounts and ranges as people write them."""

import pytest

from embedtune.config.quantity import parse_bytes, parse_range


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("2GiB", 2**31), ("1 gb", 10**9), (".5MiB", 2**19), ("3K", 3072)]
)
def test_amounts(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "4 potatoes", "-1GB", "4GiB please", "１GB인분"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(ValueError, match="4GiB"):
        parse_bytes(text)


@pytest.mark.parametrize("text", ["", "5", "5:", "5:5", "9:1", "-1:4", "a:b", "1:2:3", "٣:٤"])
def test_no_ranges(text: str) -> None:
    with pytest.raises(ValueError, match=r"LOW|rank"):
        parse_range(text)
