/** How much a finding matters. */
export type Severity = 'low' | 'medium' | 'high';

/** What an operator may set. */
export interface RuleSettings {
  /** A dataset that is declared may come so much later. */
  readonly datasetGraceDays: number;
  /** A producer's clock may be so far ahead. */
  readonly futureToleranceHours: number;
  /** An object is done sooner. */
  readonly unfinishedHours: number;
  /** URIs that objects begin with, as `s3://bucket/team/`; each is expected to bring something. */
  readonly prefixes: readonly string[];
  /** How long it may bring nothing. */
  readonly silenceHours: number;
  /** Rules that are not asked; an answer lists them as off. */
  readonly off: readonly string[];
}

export const DEFAULT_SETTINGS: RuleSettings = {
  datasetGraceDays: 7,
  futureToleranceHours: 24,
  unfinishedHours: 2,
  prefixes: [],
  silenceHours: 24,
  off: [],
};

/** A question that an auditor would ask of the whole graph. */
export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly severity: Severity;
  /** What was looked at, in words. */
  readonly of: string;
  /** RETURN examined: how many that are. */
  readonly examined: string;
  /**
   * RETURN entity, detail, digests: what was found, the entity's `kind` first, at most $limit rows.
   * Parameters: {@link RuleSettings} and `now`.
   */
  readonly findings: string;
  /** What makes a finding go away. */
  readonly settle: string;
  /** Why it can't be asked with these settings; null where it can. */
  readonly offWhen?: (settings: RuleSettings) => string | null;
}

const MODELS = `
MATCH (m:Model)
RETURN count(m) AS examined
`;

const INFERENCES = `
MATCH (i:Inference)
RETURN count(i) AS examined
`;

const LINKS = `
CALL () { MATCH ()-[u:USED_IN]->() RETURN count(u) AS made }
CALL () { MATCH (p:PendingLink) RETURN count(p) AS pending }
RETURN made + pending AS examined
`;

const OBJECTS = `
MATCH (o:SourceObject)
RETURN count(o) AS examined
`;

export const RULES: readonly Rule[] = [
  {
    id: 'model-without-dataset',
    title: 'Model without a recorded dataset',
    why: 'Nobody can say what the model was made from: it declared nothing, or none of what it declared was recorded.',
    severity: 'high',
    of: 'model versions',
    examined: MODELS,
    findings: `
MATCH (m:Model)
WHERE NOT EXISTS { (m)<-[:USED_IN]-() }
RETURN {kind: 'model', name: m.name, commit: m.commit} AS entity,
  {declared: COUNT { MATCH (p:PendingLink {name: m.name, commit: m.commit}) }} AS detail,
  [m.digest] AS digests
ORDER BY m.name, m.commit
LIMIT $limit
`,
    settle: 'Drop a log with the dataset’s record, or a model record that lists its datasets.',
  },
  {
    id: 'dataset-not-recorded',
    title: 'Dataset declared and never recorded',
    why: 'A model says that it was made from data of which there is no record.',
    severity: 'high',
    of: 'declared uses of datasets',
    examined: LINKS,
    findings: `
MATCH (p:PendingLink)
MATCH (r:Record)
WHERE r.digest IN p.evidence
WITH p, min(r.recordedAt) AS declaredAt
WHERE declaredAt < datetime($now) - duration({days: $datasetGraceDays})
RETURN {kind: 'use', hash: p.hash, name: p.name, commit: p.commit} AS entity,
  {declaredAt: toString(declaredAt)} AS detail, p.evidence[..10] AS digests
ORDER BY p.hash, p.name, p.commit
LIMIT $limit
`,
    settle: 'Drop a log with the dataset’s record.',
  },
  {
    id: 'model-without-commit',
    title: 'Model without a commit',
    why: 'Without a commit the version of the model is not known.',
    severity: 'medium',
    of: 'model versions',
    examined: MODELS,
    findings: `
MATCH (m:Model)
WHERE m.commit = 'N/A'
RETURN {kind: 'model', name: m.name, commit: m.commit} AS entity, {} AS detail, [m.digest] AS digests
ORDER BY m.name
LIMIT $limit
`,
    settle: 'It stays; waive it where the producer can’t name commits.',
  },
  {
    id: 'inference-without-model',
    title: 'Inferences of a model that is not recorded',
    why: 'A decision was made by something of which there is no record.',
    severity: 'high',
    of: 'inferences',
    examined: INFERENCES,
    findings: `
MATCH (i:Inference)
WHERE i.resolution = 'pending' AND i.model IS NOT NULL
WITH i.model AS name, i.commit AS commit, count(i) AS inferences, min(i.digest) AS digest
RETURN {kind: 'model', name: name, commit: commit} AS entity, {inferences: inferences} AS detail,
  [digest] AS digests
ORDER BY name, commit
LIMIT $limit
`,
    settle: 'Drop a log with the record of the model version.',
  },
  {
    id: 'inference-linked-by-time',
    title: 'Inferences linked to a model version by time alone',
    why: 'The producer did not say which version it was; the link is inferred, not signed.',
    severity: 'low',
    of: 'inferences',
    examined: INFERENCES,
    findings: `
MATCH (i:Inference)
WHERE i.resolution IN ['as-of', 'before-model'] AND i.model IS NOT NULL
MATCH (m:Model)-[:GENERATED]->(i)
WITH m, count(i) AS inferences, min(i.digest) AS digest
RETURN {kind: 'model', name: m.name, commit: m.commit} AS entity,
  {inferences: inferences} AS detail, [digest] AS digests
ORDER BY m.name, m.commit
LIMIT $limit
`,
    settle:
      'It stays for what was recorded; have the producer sign the commit with each inference.',
  },
  {
    id: 'dataset-equivocation',
    title: 'Different things signed about one dataset',
    why: 'The same hash stands for different paths or descriptions.',
    severity: 'medium',
    of: 'datasets',
    examined: `
MATCH (d:Dataset)
RETURN count(d) AS examined
`,
    findings: `
MATCH (r:Record)-[:ASSERTS]->(d:Dataset)
WITH d, count(DISTINCT r.content) AS contents, collect(r.digest)[..10] AS digests
WHERE contents > 1
RETURN {kind: 'dataset', hash: d.hash} AS entity, {contents: contents} AS detail, digests
ORDER BY d.hash
LIMIT $limit
`,
    settle: 'It stays: look at the envelopes, then waive it.',
  },
  {
    id: 'model-equivocation',
    title: 'Different things signed about one model version',
    why: 'One commit stands for different hyperparameters, environments or datasets.',
    severity: 'high',
    of: 'model versions',
    examined: MODELS,
    findings: `
MATCH (r:Record)-[:ASSERTS]->(m:Model)
WITH m, count(DISTINCT r.content) AS contents, collect(r.digest)[..10] AS digests
WHERE contents > 1
RETURN {kind: 'model', name: m.name, commit: m.commit} AS entity, {contents: contents} AS detail, digests
ORDER BY m.name, m.commit
LIMIT $limit
`,
    settle: 'It stays: look at the envelopes, then waive it.',
  },
  {
    id: 'inference-equivocation',
    title: 'Different records of one inference',
    why: 'An inference happens once; two different records of it can’t both be true.',
    severity: 'high',
    of: 'inferences',
    examined: INFERENCES,
    findings: `
MATCH (r:Record)-[:ASSERTS]->(i:Inference)
WITH i, count(r) AS records, collect(r.digest)[..10] AS digests
WHERE records > 1
RETURN {kind: 'inference', id: i.id} AS entity, {records: records} AS detail, digests
ORDER BY i.id
LIMIT $limit
`,
    settle: 'It stays: look at the envelopes, then waive it.',
  },
  {
    id: 'claimed-in-future',
    title: 'Record that claims to be made in the future',
    why: 'Its time can’t be true, and it would speak for its entity until that time comes.',
    severity: 'medium',
    of: 'datasets, model versions and inferences',
    examined: `
CALL () { MATCH (d:Dataset) RETURN count(d) AS datasets }
CALL () { MATCH (m:Model) RETURN count(m) AS models }
CALL () { MATCH (i:Inference) RETURN count(i) AS inferences }
RETURN datasets + models + inferences AS examined
`,
    findings: `
CALL () {
  MATCH (i:Inference)
  WHERE i.recordedAt > datetime($now) + duration({hours: $futureToleranceHours}) AND i.digest IS NOT NULL
  RETURN {kind: 'inference', id: i.id} AS entity, i.recordedAt AS at, i.digest AS digest
  LIMIT $limit
  UNION ALL
  MATCH (d:Dataset)
  WHERE d.recordedAt > datetime($now) + duration({hours: $futureToleranceHours})
  RETURN {kind: 'dataset', hash: d.hash} AS entity, d.recordedAt AS at, d.digest AS digest
  UNION ALL
  MATCH (m:Model)
  WHERE m.recordedAt > datetime($now) + duration({hours: $futureToleranceHours})
  RETURN {kind: 'model', name: m.name, commit: m.commit} AS entity, m.recordedAt AS at, m.digest AS digest
}
RETURN entity, {recordedAt: toString(at)} AS detail, [digest] AS digests
ORDER BY digest
LIMIT $limit
`,
    settle: 'It settles when that time has come; look at the producer’s clock.',
  },
  {
    id: 'dataset-after-model',
    title: 'Dataset recorded after a model that was made from it',
    why: 'What a model was made from is to be recorded before it is used.',
    severity: 'low',
    of: 'uses of recorded datasets',
    examined: `
MATCH ()-[u:USED_IN]->()
RETURN count(u) AS examined
`,
    findings: `
MATCH (d:Dataset)-[u:USED_IN]->(m:Model)
WHERE d.since > m.since
RETURN {kind: 'use', hash: d.hash, name: m.name, commit: m.commit} AS entity,
  {dataset: toString(d.since), model: toString(m.since)} AS detail, u.evidence[..10] AS digests
ORDER BY d.hash, m.name, m.commit
LIMIT $limit
`,
    settle: 'Drop an earlier record of the dataset, where there is one; else waive it.',
  },
  {
    id: 'inference-before-model',
    title: 'Inferences older than their model',
    why: 'A model can’t have answered before it was made.',
    severity: 'medium',
    of: 'inferences',
    examined: INFERENCES,
    findings: `
MATCH (m:Model)
CALL (m) {
  MATCH (i:Inference)
  WHERE i.model = m.name AND i.recordedAt < m.since AND i.digest IS NOT NULL
    AND EXISTS { (m)-[:GENERATED]->(i) }
  RETURN count(i) AS inferences, min(i.recordedAt) AS first, min(i.digest) AS digest
}
WITH m, inferences, first, digest
WHERE inferences > 0
RETURN {kind: 'model', name: m.name, commit: m.commit} AS entity,
  {inferences: inferences, first: toString(first), model: toString(m.since)} AS detail,
  [digest] AS digests
ORDER BY m.name, m.commit
LIMIT $limit
`,
    settle: 'Drop an earlier record of the model version, where there is one; else waive it.',
  },
  {
    id: 'object-refused',
    title: 'Log that was refused',
    why: 'What it says is not in the graph.',
    severity: 'medium',
    of: 'dropped logs',
    examined: OBJECTS,
    findings: `
MATCH (o:SourceObject)
WHERE o.status = 'rejected' AND o.lastSeenAt IS NOT NULL
  AND NOT EXISTS {
    MATCH (later:SourceObject)
    WHERE later.uri STARTS WITH split(o.uri, '?')[0] + '?'
      AND later.status IN ['accepted', 'partial'] AND later.firstSeenAt >= o.firstSeenAt
  }
RETURN {kind: 'object', uri: o.uri} AS entity,
  {lines: o.lines, rejected: o.rejected, problem: o.problem} AS detail, [] AS digests
ORDER BY o.uri
LIMIT $limit
`,
    settle: 'Drop the log again, mended, under the same name.',
  },
  {
    id: 'object-unfinished',
    title: 'Log that was begun and not finished',
    why: 'The graph holds a part of what it says, or nothing yet.',
    severity: 'high',
    of: 'dropped logs',
    examined: OBJECTS,
    findings: `
MATCH (o:SourceObject)
WHERE o.status IN ['verifying', 'writing']
  AND o.lastSeenAt < datetime($now) - duration({hours: $unfinishedHours})
RETURN {kind: 'object', uri: o.uri} AS entity,
  {status: o.status, linesDone: o.linesDone, lines: o.lines, problem: o.problem} AS detail, [] AS digests
ORDER BY o.uri
LIMIT $limit
`,
    settle: 'The sweep hands it on; where its object is gone, drop the log again.',
  },
  {
    id: 'silence',
    title: 'Nothing from a producer',
    why: 'Records that never come are not missed by looking at those that did.',
    severity: 'medium',
    of: 'configured prefixes',
    examined: `
RETURN size($prefixes) AS examined
`,
    findings: `
UNWIND $prefixes AS prefix
CALL (prefix) {
  OPTIONAL MATCH (o:SourceObject)
  WHERE o.uri STARTS WITH prefix
  RETURN max(o.firstSeenAt) AS last
}
WITH prefix, last
WHERE last IS NULL OR last < datetime($now) - duration({hours: $silenceHours})
RETURN {kind: 'prefix', prefix: prefix} AS entity, {last: toString(last)} AS detail, [] AS digests
ORDER BY prefix
LIMIT $limit
`,
    settle: 'It settles with the next log under the prefix.',
    offWhen: ({ prefixes }) => (prefixes.length === 0 ? 'no prefix is configured' : null),
  },
];
