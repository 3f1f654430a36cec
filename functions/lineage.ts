import { httpHandler } from '../lib/aws/http-handler.ts';
import { ringSources } from '../lib/aws/ring-object.ts';
import { httpSettings } from '../lib/config.ts';
import { LINEAGE_ROUTES } from '../lib/http/routes/lineage.ts';
import { keyEntries } from '../lib/key-entries.ts';
import { loadRing } from '../lib/keys.ts';
import { once } from '../lib/once.ts';

export const handler = httpHandler(LINEAGE_ROUTES, httpSettings(process.env), {
  ring: once(() => loadRing(keyEntries(process.env), ringSources)),
});
