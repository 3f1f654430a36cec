/** The words for what a link between a model version and an inference rests on: the same in answers, on the page, in reports and on the command line. */
export const LINK_WORDS = {
  signed: 'signed',
  'only-version': 'only version',
  'by-time': 'by time',
  pending: 'pending',
} as const;

/** For each way in which an inference comes to its model: what the link rests on, and what that means. */
export const LINKS = {
  exact: { basis: 'signed', means: 'the record names this very version' },
  'only-version': {
    basis: 'only-version',
    means: 'the record names the model alone, of which one version is recorded',
  },
  'as-of': { basis: 'by-time', means: 'the latest of several versions at that time' },
  'before-model': {
    basis: 'by-time',
    means: 'the first version, which is younger than the inference',
  },
  pending: { basis: 'pending', means: 'the version that the record names is not recorded' },
} as const;

/** The word with what it means, to be read by people. */
export function linkText(resolution: keyof typeof LINKS): string {
  const { basis, means } = LINKS[resolution];
  return `${LINK_WORDS[basis]}: ${means}`;
}
