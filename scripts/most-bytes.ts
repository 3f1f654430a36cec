/**
 * What each file of a deployment may have: it is fetched and parsed on every cold start, and the Neo4j
 * driver is the greater half of most. They have a hundredth less, so that what makes one grow is seen.
 */
export const MOST_BYTES: Readonly<Record<string, number>> = {
  audit: 948_000,
  check: 631_000,
  compliance: 540_000,
  datasets: 533_000,
  evidence: 927_000,
  inferences: 540_000,
  ingest: 904_000,
  lineage: 574_000,
  models: 525_000,
  objects: 525_000,
  page: 7_000,
  report: 907_000,
  sweep: 618_000,
  // Of the page, which a browser fetches.
  app: 75_000,
  index: 2_000,
  openapi: 100_000,
};
