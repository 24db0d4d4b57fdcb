"""One certificate in care: whom to ask about it, what it promises, what it is called."""

from __future__ import annotations

import pytest
from cryptography import x509

from certstatus.errors import Attempt
from certstatus.pkix import Certificate
from certstatus.requestor import CheckResult
from certstatus.staple.record import Record
from certstatus.staple.telling import why_not
from certstatus.verify import Verdict
from tests.feeding import CA, DAY, HOUR, MUST_STAPLE, NOW

URL = "http://ocsp.example/here/"


def record(leaf: Certificate, *urls: str) -> Record:
    return Record.of(leaf, [CA.certificate], urls, NOW)


def broken(oid: str) -> Certificate:
    """Issue a certificate with an extension that is no DER."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x30\x05junk")
    return CA.issue(extensions=[(extension, False)]).certificate


def test_a_new_record_is_due_at_once_and_holds_nothing() -> None:
    new = record(CA.issue_server(ocsp_uris=[URL]).certificate)

    assert new.is_due(NOW)
    assert not new.is_served(NOW)
    assert new.wake_at == NOW
    assert new.state(NOW).status is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"{URL}MFQwUjBQ%3D", URL),
        (URL, URL),
        ("http://ocsp.example/elsewhere", "http://ocsp.example/elsewhere"),
        (None, ""),
    ],
)
def test_a_responder_is_called_by_its_own_url_whatever_was_sent_to_it(
    url: str | None, told: str
) -> None:
    assert record(CA.issue_server(ocsp_uris=[URL]).certificate).responder(url) == told
    assert record(CA.issue_server().certificate, URL).responder(url) == told


def test_a_broken_extension_names_no_responder_and_promises_nothing() -> None:
    aia, feature = broken("1.3.6.1.5.5.7.1.1"), broken("1.3.6.1.5.5.7.1.24")

    assert "id-pe-authorityInfoAccess" in (record(aia).hopeless or "")
    assert record(aia).responder(URL) == URL
    assert record(aia, URL).hopeless is None
    assert not record(feature).is_must_staple
    assert record(CA.issue_server(tls_features=MUST_STAPLE).certificate).is_must_staple


def test_names_are_the_hosts_else_the_subject() -> None:
    assert record(CA.issue_server("www.example").certificate).state(NOW).names == ("www.example",)
    assert record(CA.issue("plain").certificate).state(NOW).names == ("CN=plain",)
    assert record(broken("2.5.29.17")).state(NOW).names == ("CN=leaf.example",)


@pytest.mark.parametrize(("urls", "gives_hope"), [([], False), (["http://other.example/"], True)])
def test_only_what_one_did_not_know_gives_new_hope(urls: list[str], gives_hope: bool) -> None:
    known = record(CA.issue_server(ocsp_uris=[URL]).certificate)

    known.learn([CA.certificate], urls)

    assert known.is_asked is gives_hope
    assert known.urls == tuple(urls)


def test_a_busy_record_is_neither_due_nor_waking() -> None:
    busy = record(CA.issue_server(ocsp_uris=[URL]).certificate)
    busy.is_busy = True

    assert not busy.is_due(NOW + DAY)
    assert busy.wake_at is None
    assert busy.is_waited_for(NOW - HOUR)


@pytest.mark.parametrize(
    ("attempts", "why"),
    [
        ((), "no responder answered"),
        ((Attempt("", "nobody"),), "nobody"),
        (
            (Attempt(f"{URL}MFQw", "gone"), Attempt(f"{URL}MFQx", "gone"), Attempt(URL, "late")),
            f"{URL}: gone; {URL}: late",
        ),
    ],
)
def test_a_failure_is_told_in_one_line_each_reason_once(
    attempts: tuple[Attempt, ...], why: str
) -> None:
    leaf = CA.issue_server(ocsp_uris=[URL]).certificate
    result = CheckResult(certificate=leaf, verdict=Verdict.UNREACHABLE, attempts=attempts)

    assert why_not(result, record(leaf)) == why
