/** The entries of CUSTODY_KEYS; a PEM block is one entry, whatever white space it has. */
export function keyEntries(env: { readonly CUSTODY_KEYS?: string | undefined }): string[] {
  const text = env.CUSTODY_KEYS ?? '';
  return text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----|[^\s,]+/g) ?? [];
}
