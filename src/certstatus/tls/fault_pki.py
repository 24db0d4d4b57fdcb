"""The PKI behind the faults, made at start and held in memory alone: root, CAs, delegates, servers.

Whatever expires within weeks is made anew when half of its life is over, so that the host
may run for as long as its CAs live. Keys never leave the process.
"""

from __future__ import annotations

import ipaddress
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from cryptography import x509
from cryptography.x509 import TLSFeatureType
from cryptography.x509.oid import ExtendedKeyUsageOID

from certstatus.limits_tls import FAULT_CA_LIFE, FAULT_CERTIFICATE_LIFE, MAX_FAULT_CERTIFICATES
from certstatus.ocsp import CertID, Extensions, Nonce
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.testing import Forge, Issued, TinyCA
from certstatus.testing.ca import key_usage
from certstatus.tls.fault import Fault, Promise, Signer, Slot, Where

__all__ = ["FaultPKI", "Identity"]

Made = TypeVar("Made")

_BACKDATE: Final = timedelta(days=30)
"""How far CAs go back, so that a delegate of theirs can have expired."""

_FEATURES: Final = (TLSFeatureType.status_request,)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What the TLS host shows under one name: its certificate and key, and who issued it."""

    server: Issued
    ca: TinyCA

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The server's certificate and its CA's, as the server sends them."""
        return (self.server.certificate, self.ca.certificate)

    @property
    def pem(self) -> bytes:
        """The chain as PEM."""
        return self.server.certificate_pem + self.ca.issued.certificate_pem


class FaultPKI:
    """Certificates and OCSP responses for every fault. Safe to use from any thread.

    ``ocsp_url`` is the URL of the responder, without a slash at its end: the certificates
    for a fault name the responder under the fault's name. ``hosts`` are further names and
    addresses that every server's certificate is good for. ``now`` is aware UTC.
    """

    def __init__(self, *, now: datetime, ocsp_url: str, hosts: Sequence[str] = ()) -> None:
        self._ocsp_url = ocsp_url
        self._hosts = tuple(hosts)
        # Clients remember issuer and serial number: a new PKI is not to be taken for the last.
        label = secrets.token_hex(4)
        start = (now - _BACKDATE).replace(microsecond=0)
        self._ends = start + FAULT_CA_LIFE

        def ca(name: str, parent: TinyCA | None = None, *, promises: bool = False) -> TinyCA:
            return TinyCA(
                f"certstatus fault {name} {label}",
                parent=parent,
                not_before=start,
                not_after=self._ends,
                tls_features=_FEATURES if promises else (),
            )

        self.root = ca("root")
        self.intermediate = ca("CA", self.root)
        self._promising = ca("must-staple CA", self.root, promises=True)
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, tuple[datetime, Issued]] = OrderedDict()

    # --- certificates -----------------------------------------------------------------------

    def ca_of(self, fault: Fault) -> TinyCA:
        """Return the CA that issues the server's certificates for a fault."""
        return self._promising if fault.how.promise is Promise.CA else self.intermediate

    def identity(self, fault: Fault, server_name: str, now: datetime) -> Identity:
        """Return what the host shows for a fault under a DNS name."""
        key = ("server", fault.name, server_name)
        make = self._server(fault, server_name, now)
        return Identity(server=self._lasting(key, now, make), ca=self.ca_of(fault))

    def delegate(self, ca: TinyCA, now: datetime) -> Issued:
        """Return the responder to which a CA delegates."""
        name = f"{ca.common_name} responder"
        return self._lasting(
            ("delegate", ca.common_name),
            now,
            lambda end: ca.issue_responder(name, not_before=_before(now), not_after=end),
        )

    def _revoked_delegate(self, ca: TinyCA, now: datetime) -> Issued:
        return self._lasting(
            ("revoked delegate", ca.common_name),
            now,
            lambda end: ca.issue_responder(
                f"{ca.common_name} revoked responder",
                not_before=_before(now),
                not_after=end,
                nocheck=False,
                ocsp_uris=(f"{self._ocsp_url}/revoked",),
            ),
        )

    def _server(
        self, fault: Fault, server_name: str, now: datetime
    ) -> Callable[[datetime], Issued]:
        """Return how to make a server's certificate that ends at a given time."""
        ca, names = self.ca_of(fault), dict.fromkeys((server_name, *self._hosts))
        is_promising = fault.how.promise is Promise.SERVER
        return lambda end: ca.issue(
            f"{fault.name} fault",
            not_before=_before(now),
            not_after=end,
            usage=key_usage("digital_signature"),
            extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,),
            ocsp_uris=(f"{self._ocsp_url}/{fault.name}",),
            tls_features=_FEATURES if is_promising else (),
            extensions=(
                (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
                (ca.key_identifier, False),
            ),
        )

    def _lasting(self, key: object, now: datetime, make: Callable[[datetime], Issued]) -> Issued:
        """Return what is kept under a key, made anew when half of its life is over."""
        with self._lock:
            renewal, issued = self._kept.get(key, (now, None))
            if issued is None or now >= renewal:
                end = min(now + FAULT_CERTIFICATE_LIFE, self._ends).replace(microsecond=0)
                issued = make(end)
                self._kept[key] = (now + (end - now) / 2, issued)
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_FAULT_CERTIFICATES:
                self._kept.popitem(last=False)
            return issued

    # --- responses --------------------------------------------------------------------------

    def staples(self, fault: Fault, identity: Identity, now: datetime) -> tuple[bytes, ...]:
        """Make the staples for the server and its CA as the fault has them, ``b""`` for none."""
        how = fault.how
        server = self._about_server(fault, identity, now)
        ca_id = CertID.of(
            self.root.certificate, identity.ca.certificate.serial_number, HashAlgorithm.SHA1
        )
        above = self._right(self.root, (ca_id,), now)
        match how.slot:
            case Slot.NONE:
                return ()
            case Slot.INTERMEDIATE:
                return (server.der, how.tell(above))
            case Slot.SWAPPED:
                return (above.der, server.der)
            case Slot.SERVER:
                return (how.tell(server), above.der)

    def _about_server(self, fault: Fault, identity: Identity, now: datetime) -> Forge:
        # Many clients know no CertID but SHA-1's: curl, HAProxy.
        serial_number = identity.server.certificate.serial_number
        cert_id = CertID.of(identity.ca.certificate, serial_number, HashAlgorithm.SHA1)
        forge = self._right(identity.ca, (cert_id,), now)
        match fault.how.signer:
            case Signer.SERVER:
                return forge.but(signer=identity.server)
            case Signer.REVOKED_DELEGATE:
                return forge.but(signer=self._revoked_delegate(identity.ca, now))
            case Signer.DELEGATE:
                return forge

    def answer(
        self, fault: Fault, cert_ids: Sequence[CertID], nonce: Nonce | None, now: datetime
    ) -> bytes | None:
        """Make the responder's answer as the fault has it; None: it speaks for no such issuer.

        It says what is so of certificates that the root has issued, and where the fault is
        not one of the responder's.
        """
        ca = self._issuer_of(cert_ids)
        if ca is None:
            return None
        forge = self._right(ca, cert_ids, now)
        if nonce is not None:
            forge = forge.but(response_extensions=Extensions.of(nonce))
        if ca is self.root or Where.RESPONDER not in fault.where:
            return forge.der
        if fault.how.signer is Signer.REVOKED_DELEGATE:
            forge = forge.but(signer=self._revoked_delegate(ca, now))
        return fault.how.tell(forge)

    def _issuer_of(self, cert_ids: Sequence[CertID]) -> TinyCA | None:
        """Return the one CA that all of the certificates are of."""
        for ca in (self.intermediate, self._promising, self.root):
            if all(one.names_issuer(ca.certificate) for one in cert_ids):
                return ca
        return None

    def _right(self, ca: TinyCA, cert_ids: Sequence[CertID], now: datetime) -> Forge:
        return Forge(ca=ca, signer=self.delegate(ca, now), cert_ids=tuple(cert_ids), now=now)


def _before(now: datetime) -> datetime:
    """When certificates begin: a day ago, for testers whose clocks are slow."""
    return (now - timedelta(days=1)).replace(microsecond=0)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
