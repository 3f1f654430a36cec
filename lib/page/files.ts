import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from '../http/answer.ts';

/** The page's files, by the path they are served at. */
const FILES = {
  '/': { name: 'index.html', mediaType: 'text/html; charset=utf-8' },
  '/app.js': { name: 'app.js', mediaType: 'text/javascript; charset=utf-8' },
  '/app.css': { name: 'app.css', mediaType: 'text/css; charset=utf-8' },
  '/openapi.json': { name: 'openapi.json', mediaType: 'application/json' },
} as const;

// Names in a log are somebody else's: nothing but these files runs, and the page talks to this server only.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  // The page and the API it asks are one release: a kept page would ask another one.
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // The address of a view names what somebody looked at.
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** A file of the page; null where there is none at that path. */
export type ServeFile = (path: string) => Answer | null;

/** Reads the built page once; rejects where a file is missing. */
export async function pageFiles(folder: string): Promise<ServeFile> {
  const answers = new Map<string, Answer>();
  for (const [path, { name, mediaType }] of Object.entries(FILES)) {
    const body = await readFile(join(folder, name), 'utf8');
    answers.set(path, { status: 200, headers: { ...HEADERS, 'content-type': mediaType }, body });
  }
  return (path) => answers.get(path) ?? null;
}
