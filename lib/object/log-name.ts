/**
 * Why what bears this name is no log, whether it is a key of S3 or a path with slashes; null where it
 * can be one. Only names that end in .jsonl or .jsonl.gz can, and none that a program keeps for itself.
 */
export function whyNoLog(name: string): string | null {
  const parts = name.split('/');
  const last = parts.at(-1) ?? '';
  if (last === '') return 'this is a folder';
  if (parts.some((part) => part.startsWith('.'))) return 'it is hidden';
  if (parts.includes('_temporary')) return 'it is still being written';
  if (/\.(?:tmp|part|partial|crdownload)$/i.test(last)) return 'it is still being written';
  if (/^~\$|~$|^#.*#$|\.sw[a-z]$/.test(last)) return 'it is an editor’s own';
  if (!/\.jsonl(?:\.gz)?$/.test(last)) return 'its name does not end in .jsonl or .jsonl.gz';
  return null;
}
