"""What one would write instead: verify a whole log, then UNWIND and MERGE a thousand rows at a time.

One session, one transaction a batch. Usage: batches.py PUBLIC.pem LOG; the database by NEO4J_URI
and NEO4J_PASSWORD.
"""

import json
import os
import sys

from neo4j import GraphDatabase

from verified import verified

ROWS = 1_000

DATASETS = """
UNWIND $rows AS row
MERGE (d:Dataset {hash: row.hash})
SET d.path = row.path, d.timestamp = row.timestamp
"""

MODELS = """
UNWIND $rows AS row
MERGE (m:Model {name: row.model_name, commit: row.git_commit})
SET m.timestamp = row.timestamp
WITH m, row
UNWIND row.dataset_hashes AS hash
MATCH (d:Dataset {hash: hash})
MERGE (d)-[:USED_IN]->(m)
"""

INFERENCES = """
UNWIND $rows AS row
MATCH (m:Model {name: row.model, commit: row.commit})
MERGE (i:Inference {id: row.id})
SET i.input = row.input, i.output = row.output, i.timestamp = row.timestamp
MERGE (m)-[:GENERATED]->(i)
"""


def write(session, statement, rows):
    for at in range(0, len(rows), ROWS):
        session.execute_write(lambda tx: tx.run(statement, rows=rows[at : at + ROWS]).consume())


def row_of(inference, commits):
    return {
        "id": inference["id"],
        "model": inference["model_name"],
        "commit": commits[inference["model_name"]],
        "input": json.dumps(inference["input"]),
        "output": json.dumps(inference["output"]),
        "timestamp": inference["timestamp"],
    }


records = verified(sys.argv[1], sys.argv[2])
with GraphDatabase.driver(os.environ["NEO4J_URI"], auth=("neo4j", os.environ["NEO4J_PASSWORD"])) as driver:
    with driver.session() as session:
        of = {kind: [r for r in records if r["type"] == kind] for kind in ("dataset", "model", "inference")}
        commits = {model["model_name"]: model["git_commit"] for model in of["model"]}
        write(session, DATASETS, of["dataset"])
        write(session, MODELS, of["model"])
        write(session, INFERENCES, [row_of(inference, commits) for inference in of["inference"]])
print(len(records))
