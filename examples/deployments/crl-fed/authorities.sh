#!/bin/sh
# Writes the configuration of every CA in a folder: ca/NAME.pem is its certificate and
# signer/NAME.pem that of its delegate; all delegates have the one key.
# Its CRL is NAME.crl, what it issued NAME.issued (serial numbers in hex, one a line), where
# whoever fetches them puts them.
#
# usage: authorities.sh FOLDER [FOLDER_OF_CRLS [KEY]]
set -eu
folder=$1
crls=${2:-/var/lib/certstatus/crls}
key=${3:-/run/credentials/certstatus.service/responder.key}

for certificate in "$folder"/ca/*.pem; do
    name=$(basename "$certificate" .pem)
    cat <<BLOCK

[[authority]]
name = "$name"
certificate = "$certificate"
nonce = "ignore"
[[authority.signer]]
certificate = "$folder/signer/$name.pem"
key = "$key"
[[authority.source]]
crl = "$crls/$name.crl"
issued = "$crls/$name.issued"
BLOCK
done
