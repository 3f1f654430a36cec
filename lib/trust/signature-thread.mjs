// What a SignatureThread runs. Not TypeScript, as cli/custody.mjs is not: stripping types takes a thread
// longer to load than all else here, and of what the compile cache holds there is nothing to strip.
import { enableCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';

const [cache, ...pems] = process.argv.slice(2);
if (cache) enableCompileCache(cache);
const { readVerifyingKey } = await import('./keys.ts');
const keys = pems.map((pem) => {
  const key = readVerifyingKey(pem);
  if ('problem' in key) throw new Error(key.problem);
  return key;
});

parentPort?.on(
  'message',
  (/** @type {{ bytes: Uint8Array, lengths: Uint32Array }} */ { bytes, lengths }) => {
    const held = new Uint8Array(lengths.length / 2);
    let at = 0;
    const next = (/** @type {number} */ index) => bytes.subarray(at, (at += lengths[index] ?? 0));
    for (let nth = 0; nth < held.length; nth += 1) {
      const [data, signature] = [next(2 * nth), next(2 * nth + 1)];
      held[nth] = keys.findIndex((key) => key.verify(data, signature)) + 1;
    }
    parentPort?.postMessage(held);
  },
);
