import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EMBEDDED, type ServerBuild } from '../../lib/local/classpath.ts';

/** Where the test servers live, each in a folder of its own. */
export const SERVERS = resolve('.custody/test-neo4j');

const NEWER_JAVA = 21;

/** Of a version of Neo4j what starts it: the one that Custody brings, or a newer one. */
export function neo4jBuild(version: string): ServerBuild {
  if (version === EMBEDDED.version) return EMBEDDED;
  mkdirSync(SERVERS, { recursive: true });
  const pom = join(SERVERS, `pom-${version}.xml`);
  writeFileSync(pom, readFileSync(EMBEDDED.pom, 'utf8').replaceAll(EMBEDDED.version, version));
  const start = join(import.meta.dirname, 'Start.java');
  return {
    version,
    pom,
    java: newerJava() ?? 'java',
    minJava: NEWER_JAVA,
    main: ['--add-modules=jdk.incubator.vector', start],
  };
}

/** A Java that runs the newer Neo4j: the one on the path, JAVA_HOME's or any that is installed. */
export function newerJava(): string | undefined {
  const homes = [process.env['JAVA_HOME'] ?? '', ...globSync('/usr/lib/jvm/*')];
  const installed = homes.filter((home) => home !== '').map((home) => join(home, 'bin', 'java'));
  return ['java', ...installed].find((java) => {
    const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) >= NEWER_JAVA;
  });
}
