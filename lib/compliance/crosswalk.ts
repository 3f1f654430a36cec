/** The sections of a report, by the names of its members. */
export type Section =
  'scope' | 'completeness' | 'counts' | 'objects' | 'keys' | 'rules' | 'findings' | 'checks';

/** A law, a standard or a framework that a report is read with. */
export interface Source {
  readonly id: string;
  readonly title: string;
  /** Where its own text is; the words here are ours. */
  readonly url: string;
}

export const SOURCES = [
  {
    id: 'eu-ai-act',
    title: 'Regulation (EU) 2024/1689 (Artificial Intelligence Act)',
    url: 'https://eur-lex.europa.eu/eli/reg/2024/1689/oj',
  },
  {
    id: 'iso-42001',
    title: 'ISO/IEC 42001:2023, Artificial intelligence: management system, Annex A',
    url: 'https://www.iso.org/standard/81230.html',
  },
  {
    id: 'nist-ai-rmf',
    title: 'NIST AI 100-1, Artificial Intelligence Risk Management Framework (AI RMF 1.0)',
    url: 'https://doi.org/10.6028/NIST.AI.100-1',
  },
] as const satisfies readonly Source[];

/** What a clause asks for, and which part of it a report is evidence of. */
export interface Crossing {
  readonly source: (typeof SOURCES)[number]['id'];
  readonly clause: string;
  readonly asks: string;
  readonly sections: readonly Section[];
  readonly shows: string;
  /** What nobody can read out of a report. */
  readonly leavesOpen: string;
}

export const CROSSWALK: readonly Crossing[] = [
  {
    source: 'eu-ai-act',
    clause: 'Article 12(1)',
    asks: 'High-risk systems record events automatically over their lifetime.',
    sections: ['counts', 'objects'],
    shows: 'Which records came, when, in which logs, and how many were refused.',
    leavesOpen: 'Whether the system records every event that it should.',
  },
  {
    source: 'eu-ai-act',
    clause: 'Article 12(2)',
    asks: 'What is recorded makes the system’s functioning traceable, for the sake of risks, post-market monitoring and the monitoring of its operation.',
    sections: ['rules', 'findings', 'keys', 'completeness'],
    shows:
      'How many inferences and model versions can be followed to recorded models and datasets, on whose signature, and which can’t.',
    leavesOpen: 'Whether that is enough for the system’s intended purpose.',
  },
  {
    source: 'eu-ai-act',
    clause: 'Article 19(1)',
    asks: 'Providers keep the logs that are under their control for a fitting time, of six months at least where no other law says otherwise.',
    sections: ['objects', 'findings'],
    shows:
      'When the oldest known log came, and whether the envelopes that findings rest on can still be read and verified.',
    leavesOpen: 'How long they will be kept; the retention of the buckets says that.',
  },
  {
    source: 'eu-ai-act',
    clause: 'Article 26(6)',
    asks: 'Deployers keep the logs that are under their control, of six months at least where no other law says otherwise.',
    sections: ['objects', 'findings'],
    shows: 'The same as for Article 19(1), for whoever deploys the system.',
    leavesOpen: 'How long they will be kept; the retention of the buckets says that.',
  },
  {
    source: 'iso-42001',
    clause: 'A.7.5 Data provenance',
    asks: 'There is a documented process that records the provenance of the data used over the life of data and system.',
    sections: ['counts', 'rules', 'findings'],
    shows:
      'For how many model versions the datasets are declared and recorded, and for which they are not.',
    leavesOpen: 'Where a dataset itself came from, before it was recorded.',
  },
  {
    source: 'nist-ai-rmf',
    clause: 'GOVERN 1.5',
    asks: 'Monitoring and review of risk management are planned and go on, with a set frequency.',
    sections: ['checks'],
    shows:
      'When the rules were asked, how completely, and the longest time in which they were not.',
    leavesOpen: 'Who reviews what was found.',
  },
  {
    source: 'nist-ai-rmf',
    clause: 'GOVERN 1.6',
    asks: 'There are mechanisms to inventory AI systems.',
    sections: ['counts', 'findings'],
    shows: 'How many model versions have a signed record, and which answered without one.',
    leavesOpen: 'Systems that record nothing.',
  },
  {
    source: 'nist-ai-rmf',
    clause: 'MAP 4.1',
    asks: 'The risks of components, third-party data among them, are mapped and documented.',
    sections: ['rules', 'findings'],
    shows: 'Models whose data nobody has recorded, as those of a vendor often are.',
    leavesOpen: 'The legal side of the data that is recorded.',
  },
  {
    source: 'nist-ai-rmf',
    clause: 'MEASURE 2.8',
    asks: 'Risks to transparency and accountability are examined and documented.',
    sections: ['rules', 'findings'],
    shows: 'What could not be traced, out of how many that were looked at.',
    leavesOpen: 'Every risk that shows in no record.',
  },
  {
    source: 'nist-ai-rmf',
    clause: 'MEASURE 3.1',
    asks: 'Known and emerging risks are tracked over time.',
    sections: ['findings', 'checks'],
    shows: 'Since when each finding is open, when it was settled, and who waived it, until when.',
    leavesOpen: 'How the system performs.',
  },
];
