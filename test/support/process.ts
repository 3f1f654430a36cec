/** The environment of a process that shall find its commands, start soon, and know nothing else of ours. */
export const PROCESS: Readonly<Record<string, string>> = Object.fromEntries(
  ['PATH', 'HOME', 'NODE_COMPILE_CACHE', 'JAVA_TOOL_OPTIONS'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
