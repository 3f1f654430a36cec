import { kmsPublicKey } from './kms.ts';
import { ringSources } from './ring-object.ts';

/** Where the functions' keys come from: AWS KMS, and a key ring in S3. */
export const awsKeySources = {
  kms: (key: string) => kmsPublicKey(key),
  ...ringSources,
} as const;
