"""Writes python.json: lines signed by Python's cryptography, with what Custody must make of them.

Needs `pip install cryptography`. Keys are made anew and only the public halves are kept.
"""

import base64
import json
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AT = "2026-02-03T04:05:06"
DATASET = {"type": "dataset", "hash": "d1", "path": "s3://b/d1", "timestamp": AT}
MODEL = {"type": "model", "model_name": "m", "git_commit": "c", "dataset_hashes": ["d1"], "timestamp": AT}
INFERENCE = {"type": "inference", "id": "i1", "model_name": "m", "input": {"x": 1}, "output": {}, "timestamp": AT}

keys = {bits: rsa.generate_private_key(public_exponent=65537, key_size=bits) for bits in (2048, 3072, 4096)}
vectors = []


def envelope(text, bits=2048, salt=padding.PSS.MAX_LENGTH):
    signature = keys[bits].sign(
        text.encode(), padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt), hashes.SHA256()
    )
    return {"schema_version": "1.1", "signed_data": text, "signature": base64.b64encode(signature).decode()}


def vector(name, line, result):
    data = line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode()
    vectors.append({"id": name, "line": base64.b64encode(data).decode(), "result": result})


def record(name, members, result="accepted", **signing):
    text = members if isinstance(members, str) else json.dumps(members, sort_keys=True)
    vector(name, envelope(text, **signing), result)


for bits in keys:
    record(f"rsa-{bits}-salt-max", DATASET, bits=bits)
    record(f"rsa-{bits}-salt-32", MODEL, bits=bits, salt=32)
    for salt in (0, 31, 33):
        record(f"rsa-{bits}-salt-{salt}", DATASET, "SIGNATURE_INVALID", bits=bits, salt=salt)
record("non-ascii", json.dumps({**DATASET, "path": "münchen/日本\u2028😀"}, ensure_ascii=False))
record("nan", json.dumps({**MODEL, "hyperparameters": {"loss": float("nan"), "max": float("inf"), "min": float("-inf")}}))
record("big-integer", json.dumps({**INFERENCE, "input": {"n": 12345678901234567890, "f": 10.0, "e": 1e-05}}))
record("null-optionals", {**MODEL, "git_commit": None, "dataset_hashes": None})
record("no-inference-id", {key: value for key, value in INFERENCE.items() if key != "id"})
record("payload-not-object", {**INFERENCE, "input": "text", "output": [1, None]})
record("unknown-member", {**DATASET, "owner": "x"})
record("nested-64", '{"a":' * 63 + "[]" + "}" * 63, "RECORD_TYPE_UNKNOWN")

record("too-deep", '{"a":' * 64 + "[]" + "}" * 64, "RECORD_NOT_JSON")
record("record-array", "[1]", "RECORD_NOT_JSON")
record("record-not-json", "{'type': 1}", "RECORD_NOT_JSON")
record("type-unknown", {**DATASET, "type": "metric"}, "RECORD_TYPE_UNKNOWN")
record("type-missing", {"hash": "x"}, "RECORD_TYPE_UNKNOWN")
record("inner-version-null", {**DATASET, "schema_version": None}, "SCHEMA_VERSION_UNSUPPORTED")
record("inner-version-same", {**DATASET, "schema_version": "1.1"})
record("member-twice", '{"type":"dataset","hash":"a","h\\u0061sh":"b"}', "RECORD_FIELD_INVALID")
for name, change in {
    "path-empty": {"path": ""},
    "hash-empty": {"hash": ""},
    "hash-number": {"hash": 1},
    "hash-nul": {"hash": "a\0b"},
    "hash-2049-bytes": {"hash": "é" * 1024 + "a"},
    "hash-surrogate": {"hash": "\ud800"},
    "description-number": {"description": 1},
    "timestamp-missing": {"timestamp": None},
    "timestamp-second-60": {"timestamp": "2026-02-03T04:05:60Z"},
    "timestamp-hour-24": {"timestamp": "2026-02-03T24:00:00Z"},
    "timestamp-february-30": {"timestamp": "2026-02-30T04:05:06Z"},
    "timestamp-offset-19": {"timestamp": "2026-02-03T04:05:06+19:00"},
    "timestamp-year-0": {"timestamp": "0001-01-01T00:00:00+01:00"},
    "timestamp-10-digits": {"timestamp": "2026-02-03T04:05:06.1234567891Z"},
}.items():
    record(name, {**DATASET, **change}, "RECORD_FIELD_INVALID")
record("hash-2048-bytes", {**DATASET, "hash": "é" * 1024})
record("timestamp-before-1970", {**DATASET, "timestamp": "0001-01-01 00:00:00.000000001"})

good = envelope(json.dumps(DATASET))
vector("other-version", {**good, "schema_version": "1.2"}, "SCHEMA_VERSION_UNSUPPORTED")
vector("version-number", {**good, "schema_version": 1.1}, "ENVELOPE_INVALID")
vector("extra-member", {**good, "kid": "x"}, "ENVELOPE_INVALID")
vector("proto-member", {**good, "__proto__": "x"}, "ENVELOPE_INVALID")
vector("no-signature", {key: good[key] for key in ("schema_version", "signed_data")}, "ENVELOPE_INVALID")
vector("not-object", b'"text"', "ENVELOPE_INVALID")
vector("twice", json.dumps(good)[:-1].encode() + b', "sign\\u0061ture": "x"}', "ENVELOPE_INVALID")
vector("lone-surrogate", json.dumps({**good, "signed_data": "\ud800"}).encode(), "ENVELOPE_INVALID")
vector("altered", {**good, "signed_data": good["signed_data"] + " "}, "SIGNATURE_INVALID")
vector("unpadded", {**good, "signature": good["signature"].rstrip("=")}, "SIGNATURE_INVALID")
vector("base64-space", {**good, "signature": good["signature"] + " "}, "SIGNATURE_INVALID")
vector("signature-short", {**good, "signature": "AAAA"}, "SIGNATURE_INVALID")
vector("blank", b"  ", "LINE_NOT_JSON")
vector("byte-order-mark", b"\xef\xbb\xbf" + json.dumps(good).encode(), "LINE_NOT_JSON")
vector("cut", json.dumps(good)[:-9].encode(), "LINE_NOT_JSON")
vector("not-utf8", b'{"a":"\xff"}', "LINE_NOT_UTF8")
vector("too-long", b" " * 32769, "LINE_TOO_LONG")

pem = [
    key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    for key in keys.values()
]
out = pathlib.Path(__file__).with_name("python.json")
out.write_text(json.dumps({"keys": pem, "maxLineBytes": 32768, "vectors": vectors}, indent=1) + "\n")
