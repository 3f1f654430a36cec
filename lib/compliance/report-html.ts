import type { ObjectRow } from '../graph/ask/objects.ts';
import { linkText } from '../links.ts';
import { membersOf } from '../members.ts';
import { foundText } from './check.ts';
import type { Report, ReportedEvidence, ReportedFinding } from './report.ts';

/** Of a table on paper; `report.json` has all. */
const MAX_ROWS = 500;

/** Text that has been escaped, or was written here. */
interface Html {
  readonly html: string;
}

type Value = Html | string | number | null | readonly Html[];

/** A report for people: one file, nothing fetched, no script, made to be printed. */
export function reportHtml(report: Report): string {
  return page(report).html;
}

function page(report: Report): Html {
  const { from, to } = report.scope;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <title>Custody report, ${day(from)} to ${day(to)}</title>
        <style>
          ${{ html: STYLE }}
        </style>
      </head>
      <body>
        <header>
          <h1>Lineage record-keeping report</h1>
          <p>${time(from)} to ${time(to)}</p>
          <p class="says">${report.crosswalk.says}</p>
        </header>
        <main>
          ${scope(report)} ${completeness(report)} ${counts(report)} ${rules(report)}
          ${findings(report)} ${checks(report)} ${objects(report)} ${keys(report)}
          ${crosswalk(report)} ${howToCheck()}
        </main>
      </body>
    </html> `;
}

function scope({ scope: of }: Report): Html {
  const { from, to, madeAt, software, schemaVersion, checkpoint, settings } = of;
  return html`<section id="scope">
    <h2>Scope</h2>
    ${facts([
      ['Period, its end not included', html`${time(from)} to ${time(to)}`],
      ['Made at', time(madeAt)],
      ['By', `${software.name} ${software.version}, schema ${schemaVersion}`],
      [
        'At checkpoint',
        checkpoint === null
          ? 'none: no log of receipts is kept'
          : `${checkpoint.size} of ${checkpoint.origin}, root ${checkpoint.root}`,
      ],
      [
        'As of',
        'counts of the whole graph, findings, keys and evidence are as of the time it was made; the rest is of the period',
      ],
      ['Rules switched off', settings.off.join(', ') || 'none'],
    ])}
  </section>`;
}

function completeness({ completeness: { complete, incomplete } }: Report): Html {
  return html`<section id="completeness">
    <h2>Completeness</h2>
    ${
      complete
        ? html`<p class="good">Complete: all there is to report for this period is here.</p>`
        : html`<p class="bad">Not complete.</p>
            <ul>
              ${incomplete.map(({ reason, detail }) => html`<li><code>${reason}</code> ${detail}</li>`)}
            </ul>`
    }
  </section>`;
}

function counts({ counts: { inPeriod, inGraph, links } }: Report): Html {
  return html`<section id="counts">
    <h2>What is recorded</h2>
    ${table(
      ['Of', 'In the period, by the records’ own times', 'In the graph'],
      [
        ['Datasets', inPeriod.datasets, inGraph.datasets],
        ['Model versions', inPeriod.models, inGraph.models],
        ['Inferences', inPeriod.inferences, inGraph.inferences],
        ['Declared uses of recorded datasets', '', inGraph.uses],
        ['Declared uses of datasets that are not recorded', '', inGraph.pendingUses],
      ],
    )}
    <h3>What links inferences to a model version</h3>
    ${table(
      ['Linked by', 'Inferences in the graph'],
      links.map(({ resolution, inferences }) => [
        `${linkText(resolution)} (${resolution})`,
        inferences,
      ]),
    )}
  </section>`;
}

function rules({ rules: all }: Report): Html {
  return html`<section id="rules">
    <h2>Rules</h2>
    <p>
      What the last check of the period looked at and found. A rule that was not asked found nothing
      because nobody looked.
    </p>
    ${table(
      ['Rule', 'Severity', 'Found', 'Open findings', 'Outcome'],
      all.map((rule) => [
        html`<b>${rule.title}</b><br /><code>${rule.id}</code><br />${rule.why}`,
        rule.severity,
        foundText(rule, rule.of),
        rule.examined === null ? '–' : atLeast(rule, rule.findings),
        rule.reason === null ? rule.outcome : html`${rule.outcome}: ${rule.reason}`,
      ]),
    )}
  </section>`;
}

function findings({ findings: { total, items }, rules: all }: Report): Html {
  const listed = firstRows(items);
  const found = all.filter(({ id }) => listed.some(({ rule }) => rule === id));
  return html`<section id="findings">
    <h2>Findings</h2>
    <p>Open or waived when the report was made, or settled in the period or after it: ${total}.</p>
    ${found.map(
      ({ id, title, severity, settle, of }) =>
        html`<h3>${title} (${severity})</h3>
          <p><code>${id}</code> ${settle}</p>
          ${table(
            ['About', 'Status', 'Rests on'],
            listed.filter(({ rule }) => rule === id).map((one) => finding(one, of)),
            'thirds',
          )}`,
    )}
    ${rest(items.length, total)}
  </section>`;
}

function finding(found: ReportedFinding, of: string): readonly Value[] {
  const { waiver, settledAt } = found;
  return [
    html`${members(found.entity)}${members(found.detail)}stands for ${found.counts} of the ${of}`,
    html`<b>${found.status}</b>
      ${waiver === null ? '' : html`<p>by ${waiver.who} until ${time(waiver.until)}: ${waiver.why}</p>`}
      <p>first seen ${time(found.firstSeenAt)}</p>
      <p>last seen ${time(found.lastSeenAt)}</p>
      ${settledAt === null ? '' : html`<p>settled ${time(settledAt)}</p>`}`,
    found.evidence.length === 0 ? 'no record' : found.evidence.map(evidence),
  ];
}

function evidence({ digest, kid, log, line, offset, length, status }: ReportedEvidence): Html {
  return html`<p>
    <b>${STATUS[status]}</b><br />record <code>${digest}</code><br />key <code>${kid}</code
    ><br />line ${line}, ${length} bytes from ${offset} on, of the log <code>${log}</code>
  </p>`;
}

const STATUS: Readonly<Record<ReportedEvidence['status'], string>> = {
  verified: 'read again, signature holds',
  'key-unknown': 'read again, key not in force',
  differs: 'something else stands there: the archive was touched',
  gone: 'its log is gone: the archive was touched',
  unread: 'not read again',
};

function checks({ checks: { total, longestWithoutHours, items } }: Report): Html {
  return html`<section id="checks">
    <h2>Checks</h2>
    <p>
      Checks in the period: ${total}. The longest time without one: ${longestWithoutHours} hours.
    </p>
    ${
      items.length === 0
        ? ''
        : table(
            ['Begun', 'Complete', 'Open findings', 'New', 'Settled', 'Version'],
            firstRows(items).map((check) => [
              time(check.startedAt),
              check.complete ? 'yes' : 'no',
              atLeast(check, check.findings),
              check.new,
              check.settled,
              check.version,
            ]),
          )
    }
    ${rest(items.length, total)}
  </section>`;
}

function objects({ objects: { byStatus, total, items }, counts: { inGraph } }: Report): Html {
  const oldest = inGraph.oldestObjectAt;
  return html`<section id="objects">
    <h2>Logs</h2>
    <p>
      Logs that came in the period: ${total}. Known in all:
      ${inGraph.objects}${oldest === null ? '' : html`, the oldest since ${time(oldest)}`}. Other
      names that were dropped, and can’t be a log’s: ${inGraph.passedOver}.
    </p>
    ${
      byStatus.length === 0
        ? ''
        : table(
            ['Outcome', 'Logs', 'Lines', 'Accepted', 'Duplicate', 'Refused', 'Bytes'],
            byStatus.map((of) => [
              of.status,
              of.objects,
              of.lines,
              of.accepted,
              of.duplicate,
              refused(of),
              of.bytes,
            ]),
          )
    }
    ${
      items.length === 0
        ? ''
        : table(
            ['Log', 'Outcome', 'Lines', 'Refused', 'First seen'],
            firstRows(items).map((object) => [
              html`<code>${object.uri}</code
                >${object.sha256 === null ? '' : html`<br />SHA-256 <code>${object.sha256}</code>`}${object.problem === null ? '' : html`<br />${object.problem}`}`,
              object.status,
              object.lines,
              refused(object),
              time(object.firstSeenAt),
            ]),
          )
    }
    ${rest(items.length, total)}
  </section>`;
}

function refused({
  rejected,
  rejectedAtLeast,
}: Pick<ObjectRow, 'rejected' | 'rejectedAtLeast'>): Value {
  return rejectedAtLeast ? `at least ${rejected}` : rejected;
}

function keys({ keys: { inForce, others } }: Report): Html {
  return html`<section id="keys">
    <h2>Keys in force</h2>
    <p>
      Signatures were verified with these when the report was made. Signed with other keys, which
      are not in force now: ${others.records} records of datasets and models, ${others.inferences}
      inferences.
    </p>
    ${table(
      ['Key', 'Bits', 'Records of datasets and models', 'Inferences'],
      inForce.map((key) => [
        html`<code>${key.kid}</code>
          <details>
            <summary>public key</summary>
            <pre>${key.pem}</pre>
          </details>`,
        key.bits,
        key.records,
        key.inferences,
      ]),
    )}
  </section>`;
}

function crosswalk({ crosswalk: { says, sources, items } }: Report): Html {
  return html`<section id="crosswalk">
    <h2>Crosswalk</h2>
    <p>${says}</p>
    ${table(
      ['Clause', 'Asks, in our words', 'Sections', 'What they show', 'What they leave open'],
      items.map((item) => [
        html`${sources.find(({ id }) => id === item.source)?.title ?? item.source}:
          <b>${item.clause}</b>`,
        item.asks,
        item.sections.map((section) => html`<a href="#${section}">${section}</a> `),
        item.shows,
        item.leavesOpen,
      ]),
    )}
    <p>Sources:</p>
    <ul>
      ${sources.map(({ title, url }) => html`<li>${title}: <code>${url}</code></li>`)}
    </ul>
  </section>`;
}

function howToCheck(): Html {
  return html`<section id="verify">
    <h2>How to check this report</h2>
    <p>
      The SHA-256 of this file and of <code>report.json</code> stand in
      <code>manifest.dsse.json</code>, an in-toto Statement in a DSSE envelope.
      <code>custody verify-report FOLDER --key PUBLIC.pem</code> checks the signature and every byte
      of the three files. An envelope that a finding rests on stands in its log, in the archive, at
      the given offset and length; <code>/v1/evidence?log=…&amp;line=…</code> reads it again.
    </p>
  </section>`;
}

function facts(of: readonly (readonly [string, Value])[]): Html {
  return html`<dl>
    ${of.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

function table(
  head: readonly string[],
  rows: readonly (readonly Value[])[],
  layout: 'thirds' | 'free' = 'free',
): Html {
  return html`<div class="wide">
    <table class="${layout}">
      <thead>
        <tr>
          ${head.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function firstRows<Item>(items: readonly Item[]): readonly Item[] {
  return items.slice(0, MAX_ROWS);
}

function rest(listed: number, total: number): Html {
  const here = Math.min(listed, MAX_ROWS);
  if (here === total) return html``;
  return html`<p>
    Shown here: ${here} of ${total}. <code>report.json</code> has
    ${listed === total ? 'all' : listed}.
  </p>`;
}

/** Of a rule or a check that did not come to its end there may be more. */
function atLeast(
  of: { readonly outcome: string } | { readonly complete: boolean },
  findings: number,
): Html {
  const isWhole = 'complete' in of ? of.complete : of.outcome === 'done';
  return html`${isWhole ? '' : 'at least '}${findings}`;
}

function members(value: unknown): Html {
  const of = Object.entries(membersOf(value)).filter(([, member]) => member !== null);
  return html`${of.map(([name, member]) => html`${name} <code>${typeof member === 'string' ? member : JSON.stringify(member)}</code><br />`)}`;
}

function time(at: string): Html {
  return html`<time datetime="${at}">${at.slice(0, 19).replace('T', ' ')} UTC</time>`;
}

function day(at: string): string {
  return at.slice(0, 10);
}

/** Everything that is put in is escaped, unless it has been already. */
function html(texts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: texts.reduce((so, text, index) => `${so}${render(values[index - 1])}${text}`) };
}

function render(value: Value | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return value.toLocaleString('en');
  if (typeof value === 'string') return escape(value);
  return 'html' in value ? value.html : value.map((one) => one.html).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const STYLE = `
:root { color-scheme: light; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem; color: #1a1d21; background: #fff; }
h1 { font-size: 1.7rem; margin: 0 0 0.3rem; }
h1, h2, h3 { line-height: 1.25; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; border-bottom: 2px solid #1a1d21; }
h3 { font-size: 1rem; margin: 1.4rem 0 0.4rem; }
.says { font-weight: 600; }
.good { color: #0b6b2f; }
.bad { color: #a3170f; font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(10rem, 1fr) 3fr; gap: 0.2rem 1rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; margin: 0.6rem 0; font-size: 0.87rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border-bottom: 1px solid #c9cdd2; overflow-wrap: anywhere; }
th { background: #eef0f2; overflow-wrap: normal; }
td p { margin: 0 0 0.4rem; }
.wide { overflow-x: auto; }
.wide table { min-width: 36rem; }
.thirds { table-layout: fixed; }
.thirds th:nth-child(1) { width: 34%; }
.thirds th:nth-child(2) { width: 22%; }
code, pre { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
a { color: #0b4f9e; }
@page { size: A4; margin: 16mm 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 11px; }
  .wide { overflow: visible; }
  .wide table { min-width: 0; }
  tr, li, dl { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;
