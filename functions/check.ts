import { ringSources } from '../lib/aws/ring-object.ts';
import { scheduledHandler } from '../lib/aws/scheduled-handler.ts';
import { openMigrated } from '../lib/aws/secret.ts';
import { openTelemetry } from '../lib/aws/telemetry.ts';
import { snsTopic } from '../lib/aws/topic.ts';
import { check, isShort, sumOf } from '../lib/compliance/check.ts';
import { digestOf } from '../lib/compliance/digest.ts';
import { ruleSettings } from '../lib/compliance/settings.ts';
import { stack } from '../lib/config.ts';
import { untold } from '../lib/graph/ask/findings.ts';
import { markTold } from '../lib/graph/write/findings.ts';
import { keyEntries } from '../lib/key-entries.ts';
import { loadRing } from '../lib/keys.ts';
import { once } from '../lib/once.ts';
import { compromises } from '../lib/trust/key-policy.ts';

const { neo4jSecretArn, topicArn } = stack(process.env, ['neo4jSecretArn', 'topicArn']);
const settings = ruleSettings(process.env);
const telemetry = openTelemetry();
const topic = snsTopic(topicArn);
const ring = once(() => loadRing(keyEntries(process.env), ringSources));
const database = once(() => openMigrated(neo4jSecretArn));

/**
 * Asks the rules, keeps the findings, and tells the topic in one message what is new and what has
 * settled since it was last told. Where a run ends in between, the next one tells it.
 */
export const handler = scheduledHandler('check', telemetry, async (isTimeUp) => {
  const graph = await database();
  const compromised = compromises(await ring());
  const checked = await check(graph, settings, { compromised, isTimeUp });
  const { rules, complete } = checked.check;
  const open = sumOf(checked.check, 'findings');
  telemetry.count('FindingsOpen', open);
  telemetry.count('FindingsNew', checked.fresh.length);
  telemetry.count('FindingsSettled', checked.settled.length);
  telemetry.count('RulesNotRun', rules.filter(isShort).length);
  const counts = { open, new: checked.fresh.length, settled: checked.settled.length, complete };
  telemetry.info('check.done', counts);
  const news = await untold(graph);
  const digest = digestOf(checked.check, news, settings.prefixes);
  if (digest !== null) {
    await topic.tell(digest.subject, digest.message);
    await markTold(graph, news);
  }
  return { open };
});
