/** Resolves to the exit code: 0 done, 1 something was refused or found. */
export type Command = (args: string[]) => Promise<0 | 1>;
