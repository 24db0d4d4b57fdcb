"""Whether a key may be used for what is asked (RFC 5055 §3.2.4.8 to §3.2.4.10, S9). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from certstatus.asn1 import oids
from certstatus.path.inputs import PathInputs
from certstatus.pkix import Certificate
from certstatus.scvp import ValidationError

__all__ = ["usage_problems"]


def usage_problems(
    certificate: Certificate, inputs: PathInputs
) -> Iterator[tuple[ValidationError, str]]:
    """Yield what the end entity's key may not do of what is asked.

    Raises:
        MalformedError: keyUsage or extKeyUsage is broken.
    """
    flags = certificate.key_usage_flags
    wanted = inputs.key_usages
    if flags is not None and wanted and not any(flags & one == one for one in wanted):
        yield ValidationError.INVALID_KEY_USAGE, "the key usage is none of those asked for"
    purposes = certificate.extended_key_usages
    if purposes is None:
        named = frozenset[object]()
        missing = inputs.specified_key_usages
    else:
        named = frozenset(purposes)
        missing = inputs.specified_key_usages - purposes
        if oids.ANY_EXTENDED_KEY_USAGE not in purposes:
            missing |= inputs.extended_key_usages - purposes
    if missing:
        names = ", ".join(sorted(map(oids.name_of, missing)))
        which = "names no purpose" if not named else "is for other purposes"
        yield ValidationError.INVALID_KEY_PURPOSE, f"the key {which}: {names} is asked for"
