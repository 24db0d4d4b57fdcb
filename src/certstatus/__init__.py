"""Certificate status for TLS and PKI: OCSP requestor, responder, stapling and SCVP."""
