import { mkdir } from 'node:fs/promises';
import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser } from 'playwright-core';
import { holding } from '../../lib/local/start-lock.ts';

/** A real Chromium out of node_modules; a fresh machine needs nothing else. */
export async function openChromium(): Promise<Browser> {
  await mkdir('.custody', { recursive: true });
  // It is unpacked at its first use, and nobody may use it half unpacked.
  const executablePath = await holding('.custody/chromium.lock', () => chromium.executablePath());
  return playwright.launch({
    executablePath,
    // Not those that the package advises: they are for Lambda, and some turn the web’s own rules off.
    args: ['--no-sandbox', '--font-render-hinting=none'],
  });
}
