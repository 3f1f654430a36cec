/**
 * What each file of a deployment may have: it is fetched and parsed on every cold start, and the Neo4j
 * driver is the greater half of most. They have a hundredth less, so that what makes one grow is seen.
 */
export const MOST_BYTES: Readonly<Record<string, number>> = {
  audit: 960_000,
  check: 669_000,
  compliance: 546_000,
  datasets: 541_000,
  evidence: 975_000,
  inferences: 546_000,
  ingest: 950_000,
  lineage: 590_000,
  log: 440_000,
  models: 531_000,
  objects: 525_000,
  page: 7_000,
  report: 940_000,
  sweep: 618_000,
  // Of the page, which a browser fetches.
  app: 75_000,
  index: 2_000,
  openapi: 112_500,
};
