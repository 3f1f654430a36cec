"""Checks proofs as docs/proof.md says (P-6, P-7), written from it, RFC 9162 and C2SP's
signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy and tlog-proof.

Reads frames on stdin: four bytes of length, the greatest first, and a proof. Writes for each one
line: "ok" or why not. The policy is the file named by the first argument.
"""

import base64
import hashlib
import json
import re
import struct
import sys

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Refused(why)


def sha(data):
    return hashlib.sha256(data).digest()


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused('not base64') from None
    need(base64.b64encode(data).decode() == text, 'not the one spelling of base64')
    return data


def is_place(value):
    return type(value) is int and 0 <= value < 2**53


def is_included(index, size, leaf, path, root):
    """RFC 9162, section 2.1.3.2."""
    if index < 0 or index >= size or any(len(step) != 32 for step in path):
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha(b'\x01' + p + r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = sha(b'\x01' + r + p)
        fn >>= 1
        sn >>= 1
    return sn == 0 and r == root


# --- policies and notes


class Key:
    def __init__(self, vkey):
        name, key_id, rest = vkey.split('+', 2)
        data = base64.b64decode(rest, validate=True)
        self.name, self.id, self.type = name, bytes.fromhex(key_id), data[0]
        need(sha(name.encode() + b'\n' + data)[:4] == self.id, 'the key id is not that of the key')
        need(self.type in (1, 4), 'a type of keys that this verifier does not know')
        self.key = Ed25519PublicKey.from_public_bytes(data[1:])

    def verify(self, text, signature):
        """Raises InvalidSignature."""
        if self.type == 1:
            self.key.verify(signature, text)
        else:
            if len(signature) != 72:
                raise InvalidSignature
            (time,) = struct.unpack('>Q', signature[:8])
            self.key.verify(signature[8:], b'cosignature/v1\ntime %d\n' % time + text)


class Policy:
    def __init__(self, text):
        self.logs, self.witnesses, groups, self.quorum = [], {}, {}, None
        for line in text.splitlines():
            words = line.split()
            if not words or words[0].startswith('#'):
                continue
            if words[0] == 'log':
                self.logs.append(Key(words[1]))
            elif words[0] == 'witness':
                self.witnesses[words[1]] = Key(words[2])
            elif words[0] == 'group':
                least = {'all': len(words) - 3, 'any': 1}.get(words[2]) or int(words[2])
                groups[words[1]] = (least, words[3:])
            elif words[0] == 'quorum':
                self.quorum = words[1]
        self.groups = groups

    def is_met(self, name, cosigned):
        if name == 'none':
            return True
        if name in self.witnesses:
            return name in cosigned
        least, members = self.groups[name]
        return sum(self.is_met(member, cosigned) for member in members) >= least


def open_checkpoint(note, policy):
    """The size and root of a checkpoint that a log of the policy signed and its quorum cosigned."""
    need(not re.search(r'[\x00-\x09\x0b-\x1f]', note), 'a control character in the checkpoint')
    head, blank, tail = note.rpartition('\n\n')
    need(blank and tail.endswith('\n'), 'a checkpoint without signatures')
    text = head + '\n'
    lines = text[:-1].split('\n')
    need(len(lines) >= 3 and '' not in lines, 'no checkpoint')
    need(re.fullmatch(r'0|[1-9][0-9]{0,15}', lines[1]) and int(lines[1]) < 2**53, 'no size')
    root = unbase64(lines[2])
    need(len(root) == 32, 'no root')
    known = [key for key in policy.logs if key.name == lines[0]]
    need(known, 'an unknown log')
    by_log, cosigned = False, set()
    for line in tail[:-1].split('\n'):
        match = re.fullmatch(r'— ([^\s+]+) ([A-Za-z0-9+/=]+)', line)
        need(match, 'no signature')
        signature = unbase64(match[2])
        need(len(signature) > 4, 'no signature')
        for name, key in [(None, key) for key in known] + list(policy.witnesses.items()):
            if key.name != match[1] or key.id != signature[:4]:
                continue
            try:
                key.verify(text.encode(), signature[4:])
            except InvalidSignature:
                raise Refused('a signature of the checkpoint does not hold') from None
            if name is None:
                by_log = True
            else:
                cosigned.add(name)
    need(by_log, 'the log did not sign')
    need(policy.is_met(policy.quorum, cosigned), 'too few witnesses')
    return int(lines[1]), root


def check_tlog_proof(text, leaf, policy):
    head, blank, note = text.partition('\n\n')
    need(blank, 'no checkpoint')
    lines = head.split('\n')
    need(lines.pop(0) == 'c2sp.org/tlog-proof@v1', 'another format of tlog-proof')
    match = re.fullmatch(r'index (0|[1-9][0-9]{0,15})', lines.pop(0) if lines else '')
    need(match and int(match[1]) < 2**53, 'no index')
    path = [unbase64(line) for line in lines]
    size, root = open_checkpoint(note, policy)
    need(is_included(int(match[1]), size, sha(b'\x00' + leaf), path, root), 'not in the tlog')


# --- envelopes and records


def without_doubles(pairs):
    need(len({name for name, _ in pairs}) == len(pairs), 'a member twice')
    return dict(pairs)


def read_key(pem):
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refused('no key') from None
    need(isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048, 'no RSA key of 2048 bits')
    spelled = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    need(spelled.decode() == pem, 'a key in another spelling')
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest(), key


def signed_text(envelope, key):
    try:
        value = json.loads(envelope, object_pairs_hook=without_doubles)
    except ValueError:
        raise Refused('no envelope') from None
    need(type(value) is dict and set(value) == {'schema_version', 'signed_data', 'signature'}, 'no envelope')
    need(all(type(of) is str for of in value.values()) and value['schema_version'] == '1.1', 'no envelope')
    signature = unbase64(value['signature'])
    try:
        data = value['signed_data'].encode()
    except UnicodeEncodeError:
        raise Refused('a lone surrogate') from None
    need(len(signature) == (key.key_size + 7) // 8, 'no signature')
    for salt in (32, padding.PSS.MAX_LENGTH):
        try:
            key.verify(signature, data, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
            return data
        except InvalidSignature:
            pass
    raise Refused('the signature does not hold')


def record_of(data):
    # What was signed and accepted is a record; only what names it is read here.
    value = json.loads(data)
    kind = value.get('type')
    need(kind in ('dataset', 'model', 'inference'), 'no record')
    digest = hashlib.sha256(data).hexdigest()
    record = {'type': kind, 'digest': digest}
    if kind == 'dataset':
        record['hash'] = value['hash']
    elif kind == 'model':
        record['name'] = value['model_name']
        record['commit'] = value.get('git_commit') or 'N/A'
        record['hashes'] = value.get('dataset_hashes') or []
    else:
        record['id'] = value.get('id') or 'sha256:' + digest
        record['name'], record['commit'] = value['model_name'], value.get('git_commit')
    return record


def is_named(record, by):
    if record['type'] == 'model':
        same = by.get('name') == record['name']
        if by['type'] == 'model':
            return same and by['commit'] == record['commit']
        return by['type'] == 'inference' and same and by['commit'] in (None, record['commit'])
    return record['type'] == 'dataset' and by['type'] == 'model' and record['hash'] in by['hashes']


def is_asked(asked, record):
    if 'digest' in asked:
        return record['digest'] == asked['digest']
    if 'inference' in asked:
        return record['type'] == 'inference' and record['id'] == asked['inference']
    if 'dataset' in asked:
        return record['type'] == 'dataset' and record['hash'] == asked['dataset']
    return record['type'] == 'model' and (record['name'], record['commit']) == (asked['model'], asked['commit'])


# --- proofs


def has_members(value, *names):
    return type(value) is dict and list(value) == list(names)


def read_proof(data):
    try:
        text = data.decode('utf-8')
        proof = json.loads(text)
        spelled = json.dumps(proof, ensure_ascii=False, separators=(',', ':')) + '\n'
        need(spelled.encode() == data, 'not in the one spelling')
    except (ValueError, RecursionError):
        raise Refused('no JSON') from None
    need(has_members(proof, 'format', 'asked', 'records', 'keys', 'receipts'), 'no proof')
    need(proof['format'] == 'custody-proof/1', 'another format')
    asked = proof['asked']
    forms = (('inference',), ('dataset',), ('model', 'commit'), ('digest',))
    need(any(has_members(asked, *form) for form in forms), 'nothing asked')
    need(all(type(of) is str for of in asked.values()), 'nothing asked')
    need(all(type(proof[name]) is list for name in ('records', 'keys', 'receipts')), 'no lists')
    need(all(type(key) is str for key in proof['keys']), 'no keys')
    for record in proof['records']:
        need(has_members(record, 'envelope', 'kid', 'line', 'path', 'receipt'), 'no record')
        need(type(record['envelope']) is str and type(record['kid']) is str, 'no record')
        need(is_place(record['line']) and is_place(record['receipt']), 'no place')
        need(type(record['path']) is list and all(type(of) is str for of in record['path']), 'no path')
    for receipt in proof['receipts']:
        need(has_members(receipt, 'receipt', 'tlogProof'), 'no receipt')
        need(all(type(of) is str for of in receipt.values()), 'no receipt')
    return proof


def check(data, policy):
    proof = read_proof(data)
    logs = []
    for of in proof['receipts']:
        check_tlog_proof(of['tlogProof'], of['receipt'].encode(), policy)
        try:
            log = json.loads(of['receipt'])
        except ValueError:
            raise Refused('no receipt') from None
        need(type(log) is dict and log.get('type') == 'receipt', 'no receipt')
        need(log.get('status') in ('accepted', 'partial') and type(log.get('object')) is str, 'not accepted')
        for name in ('sha256', 'root'):
            need(type(log.get(name)) is str and re.fullmatch('[0-9a-f]{64}', log[name]), 'no hash')
        need(is_place(log.get('lines')), 'no lines')
        logs.append(log)
    keys = dict(map(read_key, proof['keys']))
    needed = {of['receipt'] for of in proof['records']}
    texts = {of['receipt'] for of in proof['receipts']}
    need(len(needed) == len(texts) == len(logs), 'a receipt twice or for nothing')
    need(len({of['kid'] for of in proof['records']}) == len(proof['keys']), 'a key twice or for nothing')
    records = []
    for of in proof['records']:
        need(of['receipt'] < len(logs), 'no such receipt')
        log = logs[of['receipt']]
        need(of['kid'] in keys, 'no such key')
        record = record_of(signed_text(of['envelope'], keys[of['kid']]))
        path = [unbase64(step) for step in of['path']]
        leaf = sha(b'\x00' + of['envelope'].encode())
        need(is_included(of['line'] - 1, log['lines'], leaf, path, bytes.fromhex(log['root'])), 'not on that line')
        need(not records or any(is_named(record, by) for by in records), 'named by nothing')
        need(all(record['digest'] != other['digest'] for other in records), 'a record twice')
        records.append(record)
    need(records and is_asked(proof['asked'], records[0]), 'not what was asked for')


def main():
    with open(sys.argv[1]) as file:
        policy = Policy(file.read())
    stdin = sys.stdin.buffer
    while header := stdin.read(4):
        data = stdin.read(struct.unpack('>I', header)[0])
        try:
            check(data, policy)
            print('ok')
        except Refused as why:
            print('refused:', why)
        except UnicodeEncodeError:
            print('refused: a lone surrogate')


main()
