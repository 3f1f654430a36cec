"""The records of a signed log, all of them verified, as a script of forty lines would do it."""

import base64
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

SCHEMA = "1.1"


def verified(key_path, log_path):
    with open(key_path, "rb") as file:
        key = serialization.load_pem_public_key(file.read())
    digest = hashes.SHA256()
    scheme = padding.PSS(mgf=padding.MGF1(digest), salt_length=padding.PSS.MAX_LENGTH)
    records = []
    with open(log_path, encoding="utf-8") as file:
        for line in file:
            envelope = json.loads(line)
            if envelope["schema_version"] != SCHEMA:
                raise ValueError("another schema")
            signed = envelope["signed_data"]
            key.verify(base64.b64decode(envelope["signature"]), signed.encode("utf-8"), scheme, digest)
            records.append(json.loads(signed))
    return records
