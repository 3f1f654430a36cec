import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser } from 'playwright-core';

/** A real Chromium out of node_modules; a fresh machine needs nothing else. */
export async function openChromium(): Promise<Browser> {
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    // Not those that the package advises: they are for Lambda, and some turn the web’s own rules off.
    args: ['--no-sandbox', '--font-render-hinting=none'],
  });
}
