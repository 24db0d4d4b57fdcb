from __future__ import annotations

import json

import pytest

from certstatus.cms import VerifiedContent
from tests.envelopes import CONTENT, NOW, REQUEST, RESPONSE, issued, judge, signed


def test_only_judgment_makes_the_proof() -> None:
    with pytest.raises(TypeError, match=r"only certstatus\.cms"):
        VerifiedContent(
            content_type=REQUEST,
            content=CONTENT,
            signer=issued().certificate,
            signing_time=NOW,
            seal=object(),
        )


def test_a_check_is_found_by_its_name() -> None:
    report = judge(signed())

    assert report.check("signature").rule == "S1"
    with pytest.raises(KeyError):
        report.check("nothing of the kind")


def test_a_report_is_told_to_programs() -> None:
    told = json.loads(json.dumps(judge(signed(content_type=RESPONSE)).as_json()))

    assert told["contentType"] == "id-ct-scvp-certValResponse"
    assert told["signer"] == str(issued().certificate)
    assert told["isVerified"] is False
    assert told["findings"] == []
    assert [one["name"] for one in told["checks"] if one["outcome"] == "fail"] == ["content type"]
    assert judge(b"").as_json()["contentType"] is None
