/**
 * What each file of a deployment may have: it is fetched and parsed on every cold start, and the Neo4j
 * driver is the greater half of most. They have a hundredth less, so that what makes one grow is seen.
 */
export const MOST_BYTES: Readonly<Record<string, number>> = {
  check: 631_000,
  compliance: 540_000,
  datasets: 541_000,
  evidence: 954_000,
  inferences: 546_000,
  ingest: 914_000,
  lineage: 574_000,
  log: 415_000,
  models: 532_000,
  objects: 525_000,
  page: 7_000,
  report: 907_000,
  sweep: 618_000,
  // Of the page, which a browser fetches.
  app: 75_000,
  index: 2_000,
  openapi: 108_000,
};
