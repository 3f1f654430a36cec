/** In the order in which a pass goes through them. */
export const AUDITED = [
  'dataset',
  'model',
  'record',
  'inference',
  'stretch',
  'log',
  'object',
  'finding',
  'waiver',
] as const;

export type Audited = (typeof AUDITED)[number];
