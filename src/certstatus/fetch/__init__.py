"""The one guarded door to URLs."""

from __future__ import annotations

from certstatus.fetch.address import address_problem
from certstatus.fetch.conversation import Exchange, HTTPAnswer
from certstatus.fetch.guard import Guard, Place, Provenance
from certstatus.fetch.http import HTTPDoor
from certstatus.fetch.ldap import LDAPDoor
from certstatus.fetch.ldap_url import LDAPURL, is_ldap_url, parse_ldap_url
from certstatus.fetch.lookup import Resolver
from certstatus.fetch.sharing import Door, SharedDoor

__all__ = [
    "LDAPURL",
    "Door",
    "Exchange",
    "Guard",
    "HTTPAnswer",
    "HTTPDoor",
    "LDAPDoor",
    "Place",
    "Provenance",
    "Resolver",
    "SharedDoor",
    "address_problem",
    "is_ldap_url",
    "parse_ldap_url",
]
