"""The RFCs' ASN.1 as declarations, behind one doorway."""

from __future__ import annotations

from certstatus.asn1.departure import Departure

__all__ = ["Departure"]
