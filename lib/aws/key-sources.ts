import { kmsPublicKey } from './kms.ts';
import { ringObject } from './ring-object.ts';

/** Where the functions' keys come from: AWS KMS, and a key ring in S3. */
export const awsKeySources = {
  kms: (key: string) => kmsPublicKey(key),
  s3: ringObject,
} as const;
