import type { Context } from 'aws-lambda';
import { openMigrated } from '../lib/aws/secret.ts';
import { openTelemetry } from '../lib/aws/telemetry.ts';
import { snsTopic } from '../lib/aws/topic.ts';
import { check } from '../lib/compliance/check.ts';
import { digestOf } from '../lib/compliance/digest.ts';
import { ruleSettings, stack } from '../lib/config.ts';
import { TransientError } from '../lib/errors.ts';
import { once } from '../lib/once.ts';

/** A rule takes at most five seconds for each of its two questions, and what it found has to be kept. */
const STOP_BEFORE_END_MS = 60_000;

const { neo4jSecretArn, topicArn } = stack(process.env, ['neo4jSecretArn', 'topicArn']);
const settings = ruleSettings(process.env);
const telemetry = openTelemetry();
const topic = snsTopic(topicArn);
const graph = once(() => openMigrated(neo4jSecretArn));

/** On a schedule: asks the rules, keeps the findings, and tells the topic what is new and what has settled. */
export const handler = async (_: unknown, context: Context): Promise<{ open: number }> => {
  const isTimeUp = (): boolean => context.getRemainingTimeInMillis() < STOP_BEFORE_END_MS;
  try {
    const checked = await check(await graph(), settings, { isTimeUp });
    const { rules, complete } = checked.check;
    const open = rules.reduce((sum, result) => sum + result.open, 0);
    telemetry.count('FindingsOpen', open);
    telemetry.count('FindingsNew', checked.fresh.length);
    telemetry.count('FindingsSettled', checked.settled.length);
    telemetry.count('RulesNotRun', rules.filter(({ outcome }) => outcome === 'not-run').length);
    const counts = { open, new: checked.fresh.length, settled: checked.settled.length, complete };
    telemetry.info('check.done', counts);
    const digest = digestOf(checked);
    if (digest !== null) await topic.tell(digest.subject, digest.message);
    return { open };
  } catch (error) {
    telemetry.error('check.failed', error);
    // The runtime logs what it is thrown; the error itself may quote a record.
    throw new TransientError('the check was not finished; the log before this line says why');
  } finally {
    telemetry.flush();
  }
};
