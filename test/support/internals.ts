/** Nothing of how it is made shows in what a caller who is refused gets. */
export const INTERNALS =
  /neo4j|cypher|bolt|node_modules|node:|\.ts\b|\bat [\w.<>]+ \(|Error:|\/(?:home|root|srv|tmp|usr|var)\//i;
