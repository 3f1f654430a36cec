// Whoever writes a log chooses its names. What would steer a terminal or turn the reading direction is
// shown as what it is; joiners, which some scripts need, stay.
// eslint-disable-next-line no-control-regex -- those are what is looked for
const STEERING = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The text with every steering character spelled out. */
export function visible(text: string): string {
  return text.replace(
    STEERING,
    (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}

/** A number as people write it. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** An instant as RFC 3339, to the second; that keeps the zone in sight. */
export function shortTime(time: string): string {
  return time.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}

/** How long a time lies back, to the unit that matters. */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1_000));
  if (seconds < 90) return `${counted(seconds, 'second')} ago`;
  if (seconds < 90 * 60) return `${counted(Math.round(seconds / 60), 'minute')} ago`;
  if (seconds < 36 * 3_600) return `${counted(Math.round(seconds / 3_600), 'hour')} ago`;
  return `${counted(Math.round(seconds / 86_400), 'day')} ago`;
}

/** The last part of a path or URI, without its query. */
export function lastPart(path: string): string {
  const bare = path.replace(/\?.*$/, '');
  const part = bare.slice(bare.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(part === '' ? bare : part);
  } catch {
    return part;
  }
}

export function bytes(value: number): string {
  if (value < 1_000) return `${value} B`;
  if (value < 1_000_000) return `${(value / 1_000).toFixed(1)} kB`;
  return `${(value / 1_000_000).toFixed(1)} MB`;
}
