"""Rules for keys and addresses, which hold whatever the lake is built on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.failures import PermanentFailure
from ingestion.lake import check_key, open_lake
from ingestion.lake.interface import is_key


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "landing/fba_returns/acme/delivered=2026-01-31/4fa1.tsv.gz",
        "店铺/レビュー/größe.csv",
        "with space/and+plus/per%cent/q?uestion/a..b",
        "a" * 255 + "/" + "b" * 255,
    ],
)
def test_good_keys(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "empty"),
        ("/etc/passwd", "slash"),
        ("a//b", "slash"),
        ("a/", "slash"),
        ("..", "dot"),
        ("a/../../b", "dot"),
        ("./a", "dot"),
        ("a/.hidden", "dot"),
        ("a\\b", "backslash"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\ud800b", "UTF-8"),
        ("cafe\u0301", "NFC"),
        ("ü" * 128, "segment is longer than 255"),
        ("/".join(["a" * 200] * 5), "longer than 800"),
    ],
)
def test_bad_keys_are_refused_with_the_rule(key: str, fault: str) -> None:
    with pytest.raises(PermanentFailure, match=fault):
        check_key(key)


@given(st.text(max_size=40))
def test_a_key_that_passes_stays_inside_the_lake(key: str) -> None:
    if is_key(key):
        root = Path("/lake")
        assert (root / key).resolve().relative_to(root).as_posix() == key
    else:
        with pytest.raises(PermanentFailure):
            check_key(key)


@pytest.mark.parametrize("address", ["gs://bucket/x", "s3://", "s3:///prefix", "file:///lake", "http://host/lake"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(PermanentFailure, match=r"neither a local path nor s3://"):
        open_lake(address)


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(PermanentFailure) as refused:
        open_lake("s3://AKIASOMEBODY:planted-secret@bucket/prefix")
    assert "planted-secret" not in str(refused.value)
    assert "AKIASOMEBODY" not in str(refused.value)


def test_a_bad_prefix_is_refused() -> None:
    with pytest.raises(PermanentFailure, match="dot"):
        open_lake("s3://bucket/a/../b")
    with pytest.raises(PermanentFailure, match="longer than 200"):
        open_lake("s3://bucket/" + "a" * 201)


def test_a_local_lake_does_not_pay_for_boto3() -> None:
    script = "import sys; from ingestion.lake import open_lake; open_lake('lake'); print('boto3' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_opening_touches_nothing(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    assert list(lake.list()) == []
    assert not lake.exists("a")
    assert not (tmp_path / "lake").exists()
