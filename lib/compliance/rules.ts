import { RESTS_ON_COMPROMISED } from '../graph/signing.ts';
import { IS_LEAST } from '../graph/source-object.ts';

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
  /** What was looked at, in words: the unit of `examined`, and of what findings count. */
  readonly of: string;
  /** RETURN examined: how many that are. */
  readonly examined: string;
  /**
   * Asked one after the other, each a page at a time. RETURN place, found: for the next $limit things
   * behind the place $a, $b, $c, in their order, where each stands, and a list of what is found there:
   * a map of `counts` (how many of `of` it stands for), `entity` with its `kind`, `detail`, and where
   * it has some, `digests`, `inferences`, `group` and `widerGroup`. Names are compared in the order of code points,
   * that is by a seek, or with the place as the rule's `RulePass` has it stored (docs/graph.md, G-1).
   * Parameters: {@link RuleSettings}, `rule`, `now`, and `compromised`: keys that others may have had, and
   * from when.
   */
  readonly findings: readonly string[];
  /** What a finding is about was recorded by nobody: one under a near spelling is told with it. */
  readonly unrecorded?: 'dataset' | 'model';
  /**
   * Of what is found in one `group`, more than so many are one finding, with their number; so is what is
   * left of one `widerGroup`, whatever the number of groups that it comes from, but for those that
   * `ownGroups` tells.
   */
  readonly mostOfGroup?: number;
  /** RETURN prefix: of the groups' $prefixes those of which each stands for itself, whatever else is found. */
  readonly ownGroups?: string;
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

const FILES = `
CALL () { MATCH (o:SourceObject) RETURN count(o) AS objects }
CALL () {
  MATCH (c:PassedOverCount)
  USING INDEX SEEK c:PassedOverCount(why)
  WHERE c.why > ''
  RETURN sum(c.count) AS passedOver
}
RETURN objects + passedOver AS examined
`;

const NEXT_MODELS = `
MATCH (m:Model)
USING INDEX SEEK m:Model(name, commit)
WHERE m.name >= $a AND m.commit IS NOT NULL
  AND (m.name <> $a OR EXISTS { MATCH (at:RulePass {rule: $rule}) WHERE m.commit > at.b })
WITH m
ORDER BY m.name, m.commit
LIMIT $limit
`;

const NEXT_NAMES = `
MATCH (m:Model)
USING INDEX SEEK m:Model(name, commit)
WHERE m.name > $a AND m.commit IS NOT NULL
WITH DISTINCT m.name AS name
ORDER BY name
LIMIT $limit
`;

const NEXT_DATASETS = `
MATCH (d:Dataset)
USING INDEX SEEK d:Dataset(hash)
WHERE d.hash > $a
WITH d
ORDER BY d.hash
LIMIT $limit
`;

const NEXT_OBJECTS = `
MATCH (o:SourceObject)
USING INDEX SEEK o:SourceObject(uri)
WHERE o.uri > $a
WITH o
ORDER BY o.uri
LIMIT $limit
`;

// When a signing was taken in, and where: of a fixed width, so that the order of texts is that of time.
const TAKEN = `toString(l.firstSeenAt.epochMillis) + ' ' + s.log + ' ' + right('000000000' + toString(x.line), 10)`;

// What was missing came: these very bytes, whatever their name, or under this name something new, later. A log
// that was there before, one that brought nothing, and a copy of another's are no answer to what was refused.
const SINCE_MENDED = `
WITH split(o.uri, '?')[0] AS name, collect(o) AS objects
CALL (name) {
  MATCH (later:SourceObject)-[:CARRIED]->(l:Log)
  USING INDEX SEEK later:SourceObject(uri)
  WHERE later.uri STARTS WITH name + '?' AND later.status IN ['accepted', 'partial'] AND later.accepted > 0
  RETURN max(CASE WHEN l.firstSeenAt < later.firstSeenAt THEN l.firstSeenAt ELSE later.firstSeenAt END) AS mendedAt
}
UNWIND objects AS o
WITH o, coalesce(mendedAt >= o.firstSeenAt, false)
  OR EXISTS { MATCH (p:Progress {key: o.sha256}) WHERE p.isDone } AS isMended
`;

export const RULES: readonly Rule[] = [
  {
    id: 'model-without-dataset',
    title: 'Model without a recorded dataset',
    why: 'Nobody can say what the model was made from: it declared nothing, or none of what it declared was recorded.',
    severity: 'high',
    of: 'model versions',
    examined: MODELS,
    findings: [
      `${NEXT_MODELS}
RETURN [m.name, m.commit, ''] AS place,
  CASE WHEN EXISTS { (m)<-[:USED_IN]-() } THEN [] ELSE [{counts: 1,
    entity: {kind: 'model', name: m.name, commit: m.commit},
    detail: {declared: COUNT { MATCH (p:PendingLink {name: m.name, commit: m.commit}) }},
    digests: [m.digest]}] END AS found
ORDER BY m.name, m.commit
`,
    ],
    settle: 'Drop a log with the dataset’s record, or a model record that lists its datasets.',
  },
  {
    id: 'dataset-not-recorded',
    title: 'Dataset declared and never recorded',
    why: 'A model says that it was made from data of which there is no record.',
    severity: 'high',
    of: 'declared uses of datasets',
    examined: LINKS,
    findings: [
      `
MATCH (p:PendingLink)
USING INDEX SEEK p:PendingLink(hash, name, commit)
WHERE p.hash >= $a AND p.name IS NOT NULL AND p.commit IS NOT NULL
  AND (p.hash <> $a OR EXISTS { MATCH (at:RulePass {rule: $rule})
    WHERE p.name > at.b OR (p.name = at.b AND p.commit > at.c) })
WITH p
ORDER BY p.hash, p.name, p.commit
LIMIT $limit
CALL (p) {
  MATCH (r:Record)
  WHERE r.digest IN p.evidence
  RETURN min(r.recordedAt) AS declaredAt
}
RETURN [p.hash, p.name, p.commit] AS place,
  CASE WHEN declaredAt < datetime($now) - duration({days: $datasetGraceDays}) THEN [{counts: 1,
    entity: {kind: 'use', hash: p.hash, name: p.name, commit: p.commit},
    detail: {declaredAt: toString(declaredAt)}, digests: p.evidence[..10]}] ELSE [] END AS found
ORDER BY p.hash, p.name, p.commit
`,
    ],
    unrecorded: 'dataset',
    settle: 'Drop a log with the dataset’s record.',
  },
  {
    id: 'model-without-commit',
    title: 'Model without a commit',
    why: 'Without a commit the version of the model is not known.',
    severity: 'medium',
    of: 'model versions',
    examined: MODELS,
    findings: [
      `${NEXT_MODELS}
RETURN [m.name, m.commit, ''] AS place,
  CASE WHEN m.commit = 'N/A' THEN [{counts: 1, entity: {kind: 'model', name: m.name, commit: m.commit},
    detail: {}, digests: [m.digest]}] ELSE [] END AS found
ORDER BY m.name, m.commit
`,
    ],
    settle: 'It stays; waive it where the producer can’t name commits.',
  },
  {
    id: 'inference-without-model',
    title: 'Inferences of a model that is not recorded',
    why: 'A decision was made by something of which there is no record.',
    severity: 'high',
    of: 'inferences',
    examined: INFERENCES,
    findings: [
      `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(resolution, model)
WHERE i.resolution = 'pending' AND i.model > $a
WITH DISTINCT i.resolution AS resolution, i.model AS name
ORDER BY resolution, name
LIMIT $limit
CALL (name) {
  MATCH (i:Inference)
  WHERE i.resolution = 'pending' AND i.model = name
  WITH i.commit AS commit, count(i) AS inferences, min(i.id) AS id
  RETURN collect({counts: inferences, entity: {kind: 'model', name: name, commit: commit}, detail: {},
    inferences: [id]}) AS found
}
RETURN [name, '', ''] AS place, found
ORDER BY name
`,
    ],
    unrecorded: 'model',
    settle: 'Drop a log with the record of the model version.',
  },
  {
    id: 'inference-linked-by-time',
    title: 'Inferences linked to a model version by time alone',
    why: 'The producer did not say which version it was; the link is inferred, not signed.',
    severity: 'low',
    of: 'inferences',
    examined: INFERENCES,
    findings: [
      `${NEXT_NAMES}
CALL (name) {
  UNWIND ['as-of', 'before-model'] AS resolution
  MATCH (i:Inference)
  WHERE i.resolution = resolution AND i.model = name
  WITH i, head([(v:Model)-[:GENERATED]->(i) | v]) AS m
  WHERE m IS NOT NULL
  WITH m, count(i) AS inferences, min(i.id) AS id
  RETURN collect({counts: inferences, entity: {kind: 'model', name: m.name, commit: m.commit}, detail: {},
    inferences: [id]}) AS found
}
RETURN [name, '', ''] AS place, found
ORDER BY name
`,
    ],
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
    findings: [
      `${NEXT_DATASETS}
CALL (d) {
  MATCH (r:Record)-[:ASSERTS]->(d)
  RETURN count(DISTINCT r.content) AS contents, collect(r.digest)[..10] AS digests
}
RETURN [d.hash, '', ''] AS place,
  CASE WHEN contents > 1 THEN [{counts: 1, entity: {kind: 'dataset', hash: d.hash},
    detail: {contents: contents}, digests: digests}] ELSE [] END AS found
ORDER BY d.hash
`,
    ],
    settle: 'It stays: look at the envelopes, then waive it.',
  },
  {
    id: 'model-equivocation',
    title: 'Different things signed about one model version',
    why: 'One commit stands for different hyperparameters, environments or datasets.',
    severity: 'high',
    of: 'model versions',
    examined: MODELS,
    findings: [
      `${NEXT_MODELS}
CALL (m) {
  MATCH (r:Record)-[:ASSERTS]->(m)
  RETURN count(DISTINCT r.content) AS contents, collect(r.digest)[..10] AS digests
}
RETURN [m.name, m.commit, ''] AS place,
  CASE WHEN contents > 1 THEN [{counts: 1, entity: {kind: 'model', name: m.name, commit: m.commit},
    detail: {contents: contents}, digests: digests}] ELSE [] END AS found
ORDER BY m.name, m.commit
`,
    ],
    settle: 'It stays: look at the envelopes, then waive it.',
  },
  {
    id: 'inference-equivocation',
    title: 'Different records of one inference',
    why: 'An inference happens once; two different records of it can’t both be true.',
    severity: 'high',
    of: 'inferences',
    examined: INFERENCES,
    // By the records, since only such an inference has any: its finding is met once for each of them.
    findings: [
      `
MATCH (r:Record)
USING INDEX SEEK r:Record(digest)
WHERE r.digest > $a
WITH r
ORDER BY r.digest
LIMIT $limit
OPTIONAL MATCH (r)-[:ASSERTS]->(i:Inference)
WHERE r.type = 'inference'
WITH r, i, COUNT { (i)<-[:ASSERTS]-() } AS records
RETURN [r.digest, '', ''] AS place,
  CASE WHEN records > 1 THEN [{counts: 1, entity: {kind: 'inference', id: i.id},
    detail: {records: records}, inferences: [i.id]}] ELSE [] END AS found
ORDER BY r.digest
`,
    ],
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
    findings: [
      `${NEXT_DATASETS}
RETURN [d.hash, '', ''] AS place,
  CASE WHEN d.recordedAt > datetime($now) + duration({hours: $futureToleranceHours}) THEN [{counts: 1,
    entity: {kind: 'dataset', hash: d.hash}, detail: {recordedAt: toString(d.recordedAt)},
    digests: [d.digest]}] ELSE [] END AS found
ORDER BY d.hash
`,
      `${NEXT_MODELS}
RETURN [m.name, m.commit, ''] AS place,
  CASE WHEN m.recordedAt > datetime($now) + duration({hours: $futureToleranceHours}) THEN [{counts: 1,
    entity: {kind: 'model', name: m.name, commit: m.commit}, detail: {recordedAt: toString(m.recordedAt)},
    digests: [m.digest]}] ELSE [] END AS found
ORDER BY m.name, m.commit
`,
      // An inference's head moves to a later time only, so that none is passed over.
      `
MATCH (i:Inference)
USING INDEX SEEK i:Inference(recordedAt, digest)
WHERE i.recordedAt >= CASE $a WHEN '' THEN datetime($now) ELSE datetime($a) END AND i.digest IS NOT NULL
  AND ($a = '' OR i.recordedAt > datetime($a) OR i.digest > $b)
WITH i
ORDER BY i.recordedAt, i.digest
LIMIT $limit
RETURN [toString(i.recordedAt), i.digest, ''] AS place,
  CASE WHEN i.recordedAt > datetime($now) + duration({hours: $futureToleranceHours}) THEN [{counts: 1, entity: {kind: 'inference', id: i.id},
    detail: {recordedAt: toString(i.recordedAt)}, inferences: [i.id]}] ELSE [] END AS found
ORDER BY i.recordedAt, i.digest
`,
    ],
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
    findings: [
      `
MATCH (d:Dataset)
USING INDEX SEEK d:Dataset(hash)
WHERE d.hash >= $a
MATCH (d)-[u:USED_IN]->(m:Model)
WHERE d.hash <> $a OR EXISTS { MATCH (at:RulePass {rule: $rule})
  WHERE m.name > at.b OR (m.name = at.b AND m.commit > at.c) }
WITH d, u, m
ORDER BY d.hash, m.name, m.commit
LIMIT $limit
RETURN [d.hash, m.name, m.commit] AS place,
  CASE WHEN d.since > m.since THEN [{counts: 1,
    entity: {kind: 'use', hash: d.hash, name: m.name, commit: m.commit},
    detail: {dataset: toString(d.since), model: toString(m.since)}, digests: u.evidence[..10]}]
    ELSE [] END AS found
ORDER BY d.hash, m.name, m.commit
`,
    ],
    settle: 'Drop an earlier record of the dataset, where there is one; else waive it.',
  },
  {
    id: 'inference-before-model',
    title: 'Inferences older than their model',
    why: 'A model can’t have answered before it was made.',
    severity: 'medium',
    of: 'inferences',
    examined: INFERENCES,
    findings: [
      `${NEXT_NAMES}
CALL (name) {
  MATCH (v:Model {name: name})
  WHERE v.commit IS NOT NULL
  WITH max(v.since) AS newest
  MATCH (i:Inference)
  USING INDEX SEEK i:Inference(model, recordedAt, digest)
  WHERE i.model = name AND i.recordedAt < newest AND i.digest IS NOT NULL
  WITH i, head([(v:Model)-[:GENERATED]->(i) | v]) AS m
  WHERE i.recordedAt < m.since
  WITH m, count(i) AS inferences, min(i.recordedAt) AS first, min(i.id) AS id
  RETURN collect({counts: inferences, entity: {kind: 'model', name: m.name, commit: m.commit},
    detail: {first: toString(first), model: toString(m.since)}, inferences: [id]}) AS found
}
RETURN [name, '', ''] AS place, found
ORDER BY name
`,
    ],
    settle: 'Drop an earlier record of the model version, where there is one; else waive it.',
  },
  {
    id: 'fact-on-compromised-key',
    title: 'Facts that rest on a compromised key alone',
    why: 'Whoever had the key may have signed them; no other key says the same.',
    severity: 'high',
    of: 'signings',
    examined: `
MATCH (s:Stretch)
RETURN sum(s.count) AS examined
`,
    // By the thousand lines, which have one key each; all that are found of a key are one finding.
    findings: [
      `
UNWIND $compromised AS stolen
MATCH (s:Stretch)
USING INDEX SEEK s:Stretch(kid, log, number)
WHERE s.kid = stolen.kid AND s.log IS NOT NULL AND s.number IS NOT NULL AND (s.kid > $a
  OR (s.kid = $a AND (s.log > $b OR (s.log = $b AND s.number > toInteger($c)))))
WITH s
ORDER BY s.kid, s.log, s.number
LIMIT $limit
CALL (s) {
  MATCH (r)-[:SIGNED_IN]->(s)
  WHERE ${RESTS_ON_COMPROMISED}
  RETURN count(r) AS counts
}
RETURN [s.kid, s.log, toString(s.number)] AS place,
  CASE WHEN counts > 0 THEN [{counts: counts,
    entity: {kind: 'stretch', kid: s.kid, log: s.log, number: toString(s.number)}, detail: {},
    group: {kind: 'key', kid: s.kid}}] ELSE [] END AS found
ORDER BY s.kid, s.log, s.number
`,
    ],
    mostOfGroup: 0,
    settle: 'Have the producer sign again with another key what is true of it; else waive it.',
  },
  {
    id: 'version-by-another-key',
    title: 'Model version by a key that is new to its name',
    why: 'Whoever may sign for one name need not be allowed to sign for another.',
    severity: 'medium',
    of: 'model versions',
    examined: MODELS,
    // Before means: taken in before, and within a log on an earlier line. A producer's time is a claim.
    findings: [
      `${NEXT_NAMES}
CALL (name) {
  MATCH (m:Model)
  USING INDEX SEEK m:Model(name, commit)
  WHERE m.name = name AND m.commit IS NOT NULL
  MATCH (m)<-[:ASSERTS]-(r:Record)-[x:SIGNED_IN]->(s:Stretch)-[:PART_OF]->(l:Log)
  WITH s.kid AS kid, min(${TAKEN}) AS first
  RETURN collect({kid: kid, first: first}) AS keys, min(first) AS begin
}
CALL (name, keys, begin) {
  MATCH (m:Model)
  USING INDEX SEEK m:Model(name, commit)
  WHERE m.name = name AND m.commit IS NOT NULL
  MATCH (m)<-[:ASSERTS]-(r:Record)-[x:SIGNED_IN]->(s:Stretch)-[:PART_OF]->(l:Log)
  WITH m, r, collect(s.kid) AS kids, min(${TAKEN}) AS taken
  WHERE taken > begin AND NONE(key IN keys WHERE key.kid IN kids AND key.first < taken)
  WITH m, collect(r.digest)[..10] AS digests, collect(kids[0])[..3] AS kids
  RETURN collect({counts: 1, entity: {kind: 'model', name: m.name, commit: m.commit},
    detail: {kid: reduce(all = '', kid IN kids | all + CASE all WHEN '' THEN '' ELSE ' ' END + kid)},
    digests: digests}) AS found
}
RETURN [name, '', ''] AS place, found
ORDER BY name
`,
    ],
    settle: 'It stays: where the key is the producer’s next one, waive it.',
  },
  {
    id: 'object-refused',
    title: 'Log that was refused',
    why: 'What it says is not in the graph.',
    severity: 'medium',
    of: 'dropped files',
    examined: FILES,
    findings: [
      `${NEXT_OBJECTS}${SINCE_MENDED}
WITH o, isMended, head([prefix IN $prefixes WHERE o.uri STARTS WITH prefix]) AS expected,
  split(o.uri, '/') AS parts, size(split(split(o.uri, '?')[0], '/')) AS depth,
  coalesce(o.problemCode, split(split(o.rejections, '"code":"')[1], '"')[0], 'OTHER') AS code
RETURN [o.uri, '', ''] AS place,
  CASE WHEN o.status = 'rejected' AND NOT isMended THEN [{counts: 1, entity: {kind: 'object', uri: o.uri},
    detail: {lines: o.lines, problem: o.problem,
      rejected: CASE WHEN ${IS_LEAST} THEN 'at least ' + toString(o.rejected) ELSE o.rejected END},
    group: {kind: 'objects', prefix: coalesce(expected,
      reduce(folder = '', part IN parts[..depth - 1] | folder + part + '/')), code: code},
    widerGroup: CASE WHEN expected IS NULL THEN {kind: 'objects',
      prefix: reduce(root = '', part IN parts[..3] | root + part + '/') + '(several folders)/', code: code} END}]
    ELSE [] END AS found
ORDER BY o.uri
`,
    ],
    mostOfGroup: 100,
    // Where a log has brought a record: who holds no key has no such folder, however many others.
    ownGroups: `
UNWIND $prefixes AS prefix
CALL (prefix) {
  MATCH (o:SourceObject)
  USING INDEX SEEK o:SourceObject(uri)
  WHERE o.uri STARTS WITH prefix AND o.accepted > 0
  RETURN o.uri AS uri
  LIMIT 1
}
RETURN prefix
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
    findings: [
      `${NEXT_OBJECTS}
OPTIONAL MATCH (p:Progress {key: o.progress})
WITH o, coalesce(p.linesDone, 0) AS linesDone
RETURN [o.uri, '', ''] AS place,
  CASE WHEN o.status IN ['verifying', 'writing']
    AND o.lastSeenAt < datetime($now) - duration({hours: $unfinishedHours}) THEN [{counts: 1,
    entity: {kind: 'object', uri: o.uri},
    detail: {status: o.status, linesDone: linesDone, lines: o.lines, problem: o.problem}}] ELSE [] END AS found
ORDER BY o.uri
`,
    ],
    settle: 'The sweep hands it on; where its object is gone, drop the log again.',
  },
  {
    id: 'object-abandoned',
    title: 'Log that could not be finished',
    why: 'The graph holds a part of what it says, and nobody works on the rest.',
    severity: 'high',
    of: 'dropped logs',
    examined: OBJECTS,
    findings: [
      `${NEXT_OBJECTS}${SINCE_MENDED}
OPTIONAL MATCH (p:Progress {key: o.progress})
WITH o, isMended OR coalesce(p.isDone, false) AS isMended, coalesce(p.linesDone, 0) AS linesDone
RETURN [o.uri, '', ''] AS place,
  CASE WHEN o.status = 'abandoned' AND NOT isMended THEN [{counts: 1, entity: {kind: 'object', uri: o.uri},
    detail: {linesDone: linesDone, lines: o.lines, problem: o.problem}}] ELSE [] END AS found
ORDER BY o.uri
`,
    ],
    settle: 'Drop the log again under the same name; else waive it.',
  },
  {
    id: 'graph-differs',
    title: 'Graph that differs from the signed logs',
    why: 'Somebody or something has changed the graph past Custody: what it answers there, nobody signed.',
    severity: 'high',
    of: 'things and relationships that the last audit compared',
    examined: `
OPTIONAL MATCH (a:Audit {name: 'graph'})
RETURN coalesce(a.compared, 0) AS examined
`,
    findings: [
      `
MATCH (d:Difference)
USING INDEX SEEK d:Difference(key)
WHERE d.key > $a
WITH d
ORDER BY d.key
LIMIT $limit
RETURN [d.key, '', ''] AS place,
  [{counts: 1, entity: {kind: 'difference', of: d.kind, identity: d.identity, what: d.what},
    detail: {says: d.says}}] AS found
ORDER BY d.key
`,
    ],
    settle:
      'Find out who changed it, then custody audit --repair; it settles with the next whole audit.',
  },
  {
    id: 'silence',
    title: 'Nothing from a producer',
    why: 'Records that never come are not missed by looking at those that did.',
    severity: 'medium',
    of: 'configured prefixes',
    examined: `
UNWIND $prefixes AS prefix
RETURN count(DISTINCT prefix) AS examined
`,
    // What brings no record breaks no silence: whoever can write to the bucket could drop it.
    findings: [
      `
UNWIND $prefixes AS prefix
WITH DISTINCT prefix
WHERE prefix > $a
WITH prefix
ORDER BY prefix
LIMIT $limit
CALL (prefix) {
  OPTIONAL MATCH (o:SourceObject)
  WHERE o.uri STARTS WITH prefix AND o.accepted > 0
  RETURN max(o.firstSeenAt) AS last
}
RETURN [prefix, '', ''] AS place,
  CASE WHEN last IS NULL OR last < datetime($now) - duration({hours: $silenceHours}) THEN [{counts: 1,
    entity: {kind: 'prefix', prefix: prefix}, detail: {last: toString(last)}}] ELSE [] END AS found
ORDER BY prefix
`,
    ],
    settle: 'It settles with the next log under the prefix that brings a record.',
    offWhen: ({ prefixes }) => (prefixes.length === 0 ? 'no prefix is configured' : null),
  },
];
