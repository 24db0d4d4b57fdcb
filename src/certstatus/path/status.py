"""The status of every certificate of a path, by CRLs (RFC 5280 §6.3) and OCSP (RFC 6960).

What is at hand is judged first; only what that leaves open is fetched. Of answers at hand
that contradict each other the strictest stands. A CRL issuer or a responder that is no part
of the path needs a path of its own to the same anchor, with a status of its own (§6.3.3 f).
A CRL issuer's word about itself counts where nobody else's is there; a responder's never does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from certstatus.errors import MalformedError
from certstatus.limits import MAX_AWAITED_BYTES
from certstatus.limits_path import MAX_CRL_ISSUER_DEPTH
from certstatus.ocsp import Good, OCSPResponse, Revoked
from certstatus.path.build import PathFinder
from certstatus.path.crl_view import CRLView, HeldCRL, applies, points_of, reasons_of, view_of
from certstatus.path.evidence import Evidence
from certstatus.path.inputs import PathInputs, RevocationRule
from certstatus.path.keys import working_keys
from certstatus.path.pool import CertificatePool
from certstatus.path.report import (
    CertificateReport,
    CertificationPath,
    Proof,
    RevocationStatus,
    joined,
)
from certstatus.path.rfc5280 import basic_validation
from certstatus.path.status_words import (
    Tried,
    as_told,
    not_checked,
    revoked,
    strictest,
    unsettled,
)
from certstatus.pkix import (
    ALL_REASONS,
    Certificate,
    CRLReason,
    DistributionPoint,
    RevokedEntry,
)
from certstatus.verify import (
    DelegateStatus,
    Report,
    VerifiedResponse,
    VerifyPolicy,
    verify_response,
)

__all__ = ["PathStatus"]


@dataclass(frozen=True, slots=True)
class _Signer:
    """Who signed a CRL, and what proves that he may."""

    certificate: Certificate
    proof: Proof
    is_in_question: bool = False
    """Whether it is the signer's own status that is being asked for."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A CRL that answers may rest on, with its delta, and who signed both."""

    view: CRLView
    signer: _Signer

    @property
    def slot(self) -> Hashable:
        """Key and scope: of those that have both alike the newest counts."""
        return self.signer.certificate.spki_der, self.view.full.crl.scope

    @property
    def proof(self) -> Proof:
        """What another needs to believe it."""
        return joined((Proof(crls=self.view.crls), self.signer.proof))


class PathStatus:
    """The status of the certificates of one path, which has passed the basic validation.

    Args:
        path: it.
        inputs: which rules hold for the end entity, and which for CAs.
        evidence: what is at hand, and who fetches more.
        at: aware UTC; what does not speak of this time counts for nothing (S12).
        about: whose status is being asked for already, above this path.
    """

    def __init__(
        self,
        path: CertificationPath,
        inputs: PathInputs,
        evidence: Evidence,
        at: datetime,
        *,
        about: tuple[Certificate, ...] = (),
    ) -> None:
        self._path = path
        self._inputs = inputs
        self._evidence = evidence
        self._at = at
        self._about = about
        self._keys = working_keys((path.anchor, *reversed(path.certificates)))
        self._signers: dict[tuple[int, bytes], _Signer | str] = {}

    async def all(self) -> tuple[CertificateReport, ...]:
        """Tell of each certificate, the end entity first."""
        positions = range(len(self._path.certificates))
        return tuple(await asyncio.gather(*map(self.of, positions)))

    async def of(self, position: int) -> CertificateReport:
        """Tell of one certificate by its place in the path."""
        certificate, rule = self._path.certificates[position], self._rule(position)
        if rule is RevocationRule.NONE:
            return not_checked(certificate, "its status is not asked for")
        try:
            if certificate.has_no_rev_avail and not certificate.is_ca:
                return not_checked(certificate, "noRevAvail: no status is ever published")
            tried = Tried()
            settled = await self._at_hand(position, rule, tried)
            settled = settled or await self._fetched(position, rule, tried)
        except MalformedError as error:
            return CertificateReport(
                certificate=certificate, status=RevocationStatus.NO_SOURCE, reason=str(error)
            )
        if settled is not None:
            return settled
        reason = "; ".join(tried.reasons) or "nothing at hand tells its status"
        return CertificateReport(certificate=certificate, status=tried.status, reason=reason)

    def _rule(self, position: int) -> RevocationRule:
        return self._inputs.revocation(is_end_entity=position == 0)

    async def _at_hand(
        self, position: int, rule: RevocationRule, tried: Tried
    ) -> CertificateReport | None:
        """Ask what is at hand; of several answers the strictest stands."""
        told = [await self._by_source(position)]
        if rule.takes_ocsp:
            told.append(await self._by_ocsp(position, self._evidence.ocsp_responses, tried))
        if rule.takes_crls:
            told.append(await self._by_crls(position, rule, tried))
        settled = [one for one in told if one is not None]
        return strictest(settled)

    async def _fetched(
        self, position: int, rule: RevocationRule, tried: Tried
    ) -> CertificateReport | None:
        """Fetch what the certificate names: a response, and where that settles nothing, CRLs."""
        certificate, issuer = self._path.certificates[position], self._path.issuers[position]
        fetcher, work = self._evidence.fetcher, self._evidence.work
        if fetcher is None:
            tried.is_named |= _names_sources(certificate, rule)
            return None
        if rule.takes_ocsp:
            responses = await fetcher.ocsp(certificate, issuer, work)
            tried.note_fetched(responses)
            settled = await self._by_ocsp(position, responses.items, tried)
            if settled is not None:
                return settled
        if rule.takes_crls:
            crls = await fetcher.crls(certificate, with_deltas=rule.takes_deltas, work=work)
            tried.note_fetched(crls)
            self._evidence.add_crls(crls.items)
            self._signers.clear()
            return await self._by_crls(position, rule, tried)
        return None

    # --- by a source of ours ----------------------------------------------------------------

    async def _by_source(self, position: int) -> CertificateReport | None:
        certificate, issuer = self._path.certificates[position], self._path.issuers[position]
        if self._evidence.source is None:
            return None
        told = await self._evidence.source(certificate, issuer, self._at)
        if isinstance(told, Good):
            return CertificateReport(
                certificate=certificate, status=RevocationStatus.GOOD, reason="a source knows it"
            )
        if isinstance(told, Revoked):
            return revoked(certificate, told.revocation_time, told.reason, "a source says so")
        return None

    # --- by OCSP ----------------------------------------------------------------------------

    async def _by_ocsp(
        self, position: int, responses: Iterable[OCSPResponse], tried: Tried
    ) -> CertificateReport | None:
        """Judge every response that is about the certificate; the strictest stands."""
        told: list[CertificateReport] = []
        for response in responses:
            if not _is_about(response, self._path.certificates[position]):
                continue
            if (excess := self._evidence.work.excess) is not None:
                tried.note(excess)
                break
            found = await self._by_response(position, response, tried)
            if found is not None:
                told.append(found)
        return strictest(told)

    async def _by_response(
        self, position: int, response: OCSPResponse, tried: Tried
    ) -> CertificateReport | None:
        delegates: dict[Certificate, CertificateReport] = {}
        report = self._verified(position, response, delegates)
        if report.pending is not None:
            delegates[report.pending] = await self._delegate(position, report.pending)
            report = self._verified(position, response, delegates)
        if report.verified is None:
            failed = "; ".join(check.reason for check in report.failures) or report.verdict.value
            tried.note(f"an OCSP response is not to be believed: {failed}")
            return None
        found = self._told(position, report.verified, tuple(delegates.values()))
        if found is None:
            tried.note("the OCSP responder does not know the certificate")
        return found

    def _verified(
        self,
        position: int,
        response: OCSPResponse,
        delegates: dict[Certificate, CertificateReport],
    ) -> Report:
        self._evidence.work.signatures += 1
        return verify_response(
            response,
            issuer=self._path.issuers[position],
            certificate=self._path.certificates[position],
            now=self._at,
            policy=VerifyPolicy(
                allow_sha1=self._inputs.allow_sha1, delegate_status=DelegateStatus.WHERE_NAMED
            ),
            delegate_status=lambda one: as_told(delegates.get(one)),
            known=self._evidence.known,
        )

    async def _delegate(self, position: int, delegate: Certificate) -> CertificateReport:
        """Ask for the status of a responder's own certificate (O24)."""
        if delegate in self._about:
            return unsettled(delegate, "only its own answers vouch for it")
        if len(self._about) >= MAX_CRL_ISSUER_DEPTH:
            return unsettled(delegate, "too many signers stand behind each other")
        path = CertificationPath(
            (delegate, *self._path.certificates[position + 1 :]), self._path.anchor
        )
        return await self._beside(path, self._rule(position)).of(0)

    def _told(
        self, position: int, verified: VerifiedResponse, delegates: Sequence[CertificateReport]
    ) -> CertificateReport | None:
        """Put a verified answer into a report; None: it says unknown."""
        certificate, status = self._path.certificates[position], verified.cert_status
        proof = joined(
            (
                Proof(ocsp_responses=(verified.response,), extra_certificates=(verified.signer,)),
                *(one.proof for one in delegates),
            ),
            (*self._path.certificates, self._path.anchor),
        )
        by = f"an OCSP response of {verified.single.this_update:%Y-%m-%d %H:%M:%SZ}"
        if isinstance(status, Revoked):
            found = revoked(certificate, status.revocation_time, status.reason, by)
        elif isinstance(status, Good):
            found = CertificateReport(
                certificate=certificate, status=RevocationStatus.GOOD, reason=by
            )
        else:
            return None
        return replace(found, proof=proof, next_update=verified.single.next_update)

    # --- by CRLs ----------------------------------------------------------------------------

    async def _by_crls(
        self, position: int, rule: RevocationRule, tried: Tried
    ) -> CertificateReport | None:
        """Go through the CRLs of all distribution points at hand (§6.3.3).

        The RFC stops where all reasons are covered; here whatever lists the certificate
        counts. What a signer says of itself is only asked where others leave reasons open.
        """
        certificate = self._path.certificates[position]
        covered: frozenset[CRLReason] = frozenset()
        counted: dict[Hashable, _Read] = {}
        for point, read in await self._reads(position, rule, tried):
            if read.signer.is_in_question and covered >= ALL_REASONS:
                break
            newest = counted.setdefault(read.slot, read)
            if newest.view.full is not read.view.full:
                continue
            try:
                entry = await _entry(read.view, certificate)
            except MalformedError as error:
                tried.note(f"a {read.view.newest} can't be used: {error}")
                del counted[read.slot]
                continue
            if entry is not None:
                return self._listed(certificate, entry, read)
            covered |= reasons_of(point, read.view.full.crl)
        if covered >= ALL_REASONS:
            return self._unlisted(certificate, counted.values())
        if covered:
            missing = ", ".join(sorted(one.label for one in ALL_REASONS - covered))
            tried.note(f"no CRL tells of the reasons {missing}")
        return None

    async def _reads(
        self, position: int, rule: RevocationRule, tried: Tried
    ) -> list[tuple[DistributionPoint, _Read]]:
        """Return the CRLs that answers may rest on, those of signers in question last."""
        certificate = self._path.certificates[position]
        found: list[tuple[DistributionPoint, _Read]] = []
        for point in points_of(certificate):
            for view in self._views(point, certificate, rule, tried):
                usable = await self._usable(position, view)
                if isinstance(usable, str):
                    tried.note(f"a {view.newest} {usable}")
                else:
                    found.append((point, usable))
        return sorted(found, key=lambda one: one[1].signer.is_in_question)

    def _views(
        self,
        point: DistributionPoint,
        certificate: Certificate,
        rule: RevocationRule,
        tried: Tried,
    ) -> Iterator[CRLView]:
        """Yield the CRLs that are of a distribution point, with their deltas."""
        others = (one.name for one in point.crl_issuer if one.name is not None)
        issuers = (one.folded for one in (certificate.issuer, *others))
        held = list(self._evidence.crls_of(issuers))
        deltas = [one for one in held if one.is_delta] if rule.takes_deltas else []
        for one in held:
            if one.is_delta:
                continue
            try:
                if applies(point, one.crl, certificate):
                    yield view_of(one, deltas, self._at)
            except MalformedError as error:
                tried.note(f"a {one} can't be read: {error}")

    async def _usable(self, position: int, view: CRLView) -> _Read | str:
        """Return what answers may rest on, without a delta that does not hold; or say why not."""
        signer = await self._signer(position, view.full)
        if isinstance(signer, str):
            return signer
        if view.delta is not None and self._problem_of(view.delta, signer.certificate) is not None:
            view = CRLView(view.full)
        if not view.newest.is_current(self._at):
            return f"does not speak of {self._at:%Y-%m-%d %H:%M:%SZ}"
        return _Read(view, signer)

    def _problem_of(self, held: HeldCRL, signer: Certificate) -> str | None:
        self._evidence.work.signatures += 1
        problem = held.readable_problem(self._at)
        return problem or held.signature_problem(
            signer, self._keys.get(signer), allow_sha1=self._inputs.allow_sha1
        )

    async def _signer(self, position: int, held: HeldCRL) -> _Signer | str:
        """Find who signed a CRL and may (§6.3.3 f, g), or say that nobody did."""
        key = position, held.crl.der
        if key not in self._signers:
            self._signers[key] = await self._find_signer(position, held)
        return self._signers[key]

    async def _find_signer(self, position: int, held: HeldCRL) -> _Signer | str:
        problem = held.readable_problem(self._at)
        if problem is not None:
            return f"can't be used: {problem}"
        if (excess := self._evidence.work.excess) is not None:
            return f"is not looked at: {excess}"
        for issuer in self._path.issuers[position:]:
            if self._problem_of(held, issuer) is None:
                return _Signer(issuer, Proof())
        return await self._other_signer(position, held)

    async def _other_signer(self, position: int, held: HeldCRL) -> _Signer | str:
        """Find a CRL issuer that is no part of the path, with a path to the same anchor (C8)."""
        reason = "is signed by nobody who is at hand"
        for signer in self._pool().named(held.crl.issuer.folded):
            if (excess := self._evidence.work.excess) is not None:
                return f"is not looked at: {excess}"
            if signer in self._path.issuers[position:]:
                continue
            if self._problem_of(held, signer) is not None:
                continue
            if signer in self._about or signer == self._path.certificates[position]:
                own = Proof(extra_certificates=(signer,))
                return _Signer(signer, own, is_in_question=True)
            if len(self._about) >= MAX_CRL_ISSUER_DEPTH:
                return "has too many signers behind each other"
            proof = await self._proof_of(signer, self._rule(position))
            if isinstance(proof, Proof):
                return _Signer(signer, proof)
            reason = f"is of {signer.subject}: {proof}"
        return reason

    async def _proof_of(self, signer: Certificate, rule: RevocationRule) -> Proof | str:
        """Find a valid path to a CRL issuer; return what proves it, or why there is none."""
        finder = PathFinder(
            signer,
            anchors=(self._path.anchor,),
            pool=self._pool(),
            at=self._at,
            work=self._evidence.work,
            known=self._evidence.known,
        )
        reason = "there is no path to it"
        async for path in finder.paths():
            plain = PathInputs(anchors=(path.anchor,), allow_sha1=self._inputs.allow_sha1)
            verdict = await basic_validation(path, plain, self._at)
            self._evidence.work.signatures += verdict.effort
            if verdict.problem is not None:
                reason = verdict.problem
                continue
            reports = await self._beside(path, rule).all()
            unsettled = next((one for one in reports if not one.status.is_fine), None)
            if unsettled is None:
                above = Proof(extra_certificates=path.certificates)
                return joined((above, *(one.proof for one in reports)))
            reason = f"{unsettled.certificate.subject}: {unsettled.reason}"
        return reason

    def _pool(self) -> CertificatePool:
        return CertificatePool(self._path.certificates, over=self._evidence.pool)

    def _beside(self, path: CertificationPath, rule: RevocationRule) -> PathStatus:
        """Return who tells the status of a path beside this one, whose end is a signer."""
        inputs = replace(self._inputs, end_entity_revocation=rule)
        return PathStatus(
            path, inputs, self._evidence, self._at, about=(*self._about, path.end_entity)
        )

    # --- what CRLs came to ------------------------------------------------------------------

    def _listed(
        self, certificate: Certificate, entry: RevokedEntry, read: _Read
    ) -> CertificateReport:
        by = f"a {read.view.newest}"
        found = revoked(certificate, entry.revocation_date, entry.reason, by)
        return replace(found, proof=self._without_path(read.proof), next_update=_end([read]))

    def _unlisted(self, certificate: Certificate, reads: Collection[_Read]) -> CertificateReport:
        names = " and a ".join(str(one.view.newest) for one in reads)
        return CertificateReport(
            certificate=certificate,
            status=RevocationStatus.GOOD,
            reason=f"a {names}",
            next_update=_end(reads),
            proof=self._without_path(*(one.proof for one in reads)),
        )

    def _without_path(self, *proofs: Proof) -> Proof:
        return joined(proofs, (*self._path.certificates, self._path.anchor))


# --- small words -----------------------------------------------------------------------------


async def _entry(view: CRLView, certificate: Certificate) -> RevokedEntry | None:
    """Look a certificate up; a large CRL is read beside the event loop."""
    if sum(len(one.der) for one in view.crls) > MAX_AWAITED_BYTES:
        return await asyncio.to_thread(view.entry, certificate)
    return view.entry(certificate)


def _end(reads: Iterable[_Read]) -> datetime | None:
    ends = (one.view.newest.crl.next_update for one in reads)
    return min((end for end in ends if end is not None), default=None)


def _is_about(response: OCSPResponse, certificate: Certificate) -> bool:
    if response.basic is None:
        return False
    singles = response.basic.tbs_response_data.responses
    return any(one.cert_id.serial_number == certificate.serial_number for one in singles)


def _names_sources(certificate: Certificate, rule: RevocationRule) -> bool:
    by_ocsp = rule.takes_ocsp and bool(certificate.ocsp_uris)
    return by_ocsp or (rule.takes_crls and len(points_of(certificate)) > 1)
