import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Journal } from '../ingest/delivery.ts';
import { s3Uri } from '../object/s3-name.ts';
import { openLog, type Log } from './log.ts';

/** The log, and metrics in CloudWatch's embedded format, both on stdout; numbers and names only. */
export interface Telemetry extends Log {
  count(metric: string, value: number): void;
  milliseconds(metric: string, value: number): void;
  bytes(metric: string, value: number): void;
  /** Writes the metrics out; call it at the end of each invocation. */
  flush(): void;
}

/** Named by POWERTOOLS_SERVICE_NAME and POWERTOOLS_METRICS_NAMESPACE. */
export function openTelemetry(): Telemetry {
  const metrics = new Metrics();
  return {
    ...openLog(),
    count: (metric, value) => metrics.addMetric(metric, MetricUnit.Count, value),
    milliseconds: (metric, value) => metrics.addMetric(metric, MetricUnit.Milliseconds, value),
    bytes: (metric, value) => metrics.addMetric(metric, MetricUnit.Bytes, value),
    flush: () => {
      metrics.publishStoredMetrics();
    },
  };
}

const OBJECTS = {
  accepted: 'ObjectsAccepted',
  partial: 'ObjectsPartial',
  rejected: 'ObjectsRejected',
  empty: 'ObjectsEmpty',
  abandoned: 'ObjectsAbandoned',
  verifying: 'ObjectsUnfinished',
  writing: 'ObjectsUnfinished',
} as const;

/** Tells the fate of each object in one log line and in metrics. */
export function objectJournal(telemetry: Telemetry): Journal {
  return {
    told(outcome, numbers) {
      const { object, status } = outcome;
      telemetry.count(OBJECTS[status], 1);
      telemetry.bytes('BytesRead', numbers['bytesRead'] ?? 0);
      telemetry.milliseconds('VerifyMilliseconds', numbers['verifyMilliseconds'] ?? 0);
      telemetry.milliseconds('WriteMilliseconds', numbers['writeMilliseconds'] ?? 0);
      if ('line' in outcome) {
        telemetry.info('object.handedOn', { object, status, line: outcome.line, ...numbers });
        return;
      }
      const { lines, accepted, duplicate, withheld, rejectedTotal, rejected } = outcome;
      telemetry.count('LinesAccepted', accepted);
      telemetry.count('LinesDuplicate', duplicate);
      telemetry.count('LinesRejected', rejectedTotal);
      telemetry.count('LinesWithheld', withheld);
      const least = outcome.rejectedAtLeast === true ? { rejectedAtLeast: true } : {};
      const counts = { lines, accepted, duplicate, rejected: rejectedTotal, ...least, withheld };
      const first = rejected[0];
      const why = first === undefined ? {} : { firstRejected: first };
      const { problem, problemCode } = outcome;
      const unreadable = problem === undefined ? {} : { problem, problemCode };
      telemetry.info(`object.${status}`, { object, ...counts, ...numbers, ...why, ...unreadable });
    },
    passedOver(event, name) {
      telemetry.count('EventsPassedOver', 1);
      if (name === undefined) telemetry.info('event.passedOver', { event });
      else
        telemetry.warn('event.refused', { object: s3Uri(name), why: 'another bucket or prefix' });
    },
    noLog(name, why) {
      telemetry.count('ObjectsPassedOver', 1);
      telemetry.info('object.passedOver', { object: s3Uri(name), why });
    },
    failed(error, message) {
      telemetry.count('Failures', 1);
      telemetry.error('message.failed', error, {
        messageId: message.messageId,
        receiveCount: message.receiveCount,
      });
    },
  };
}
