"""An importer that verifies a whole log and then makes a round trip or more for each record.

As the article's: schema and signature of every line first, one session, one statement a record,
auto-commit. Usage: round-trips.py PUBLIC.pem LOG; the database by NEO4J_URI and NEO4J_PASSWORD.
"""

import json
import os
import sys

from neo4j import GraphDatabase

from verified import verified

DATASET = """
MERGE (d:Dataset {hash: $hash})
SET d.path = $path, d.description = $description, d.timestamp = $timestamp
"""

MODEL = """
MERGE (m:Model {name: $name, commit: $commit})
SET m.hyperparameters = $hyperparameters, m.environment = $environment, m.timestamp = $timestamp
"""

LINK = """
MATCH (d:Dataset {hash: $hash})
MATCH (m:Model {name: $name})
MERGE (d)-[:USED_IN]->(m)
"""

INFERENCE = """
MERGE (i:Inference {id: $id})
SET i.input = $input, i.output = $output, i.timestamp = $timestamp
WITH i
MATCH (m:Model {name: $name})
MERGE (m)-[:GENERATED]->(i)
"""


def write(session, record):
    timestamp = record["timestamp"]
    if record["type"] == "dataset":
        description = record.get("description", "")
        session.run(DATASET, hash=record["hash"], path=record["path"], description=description, timestamp=timestamp)
    elif record["type"] == "model":
        session.run(
            MODEL,
            name=record["model_name"],
            commit=record.get("git_commit", "N/A"),
            hyperparameters=json.dumps(record.get("hyperparameters", {})),
            environment=json.dumps(record.get("environment", {})),
            timestamp=timestamp,
        )
        for dataset in record.get("dataset_hashes", []):
            session.run(LINK, hash=dataset, name=record["model_name"])
    else:
        session.run(
            INFERENCE,
            id=record["id"],
            name=record["model_name"],
            input=json.dumps(record.get("input", {})),
            output=json.dumps(record.get("output", {})),
            timestamp=timestamp,
        )


records = verified(sys.argv[1], sys.argv[2])
with GraphDatabase.driver(os.environ["NEO4J_URI"], auth=("neo4j", os.environ["NEO4J_PASSWORD"])) as driver:
    with driver.session() as session:
        for record in records:
            write(session, record)
print(len(records))
