import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Projects as {@link LongestFirst} has them. */
const ORDER = ['e2e', 'web', 'live', 'live-newer', 'unit'];

/** Begins with the files that take longest, so that the short ones fill the end of a run. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ project }: TestSpecification): number => ORDER.indexOf(project.name);
    // Within a project as before: the longest of the last run, or else the largest, first.
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}
