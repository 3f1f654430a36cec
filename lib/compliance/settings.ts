import { ConfigError } from '../errors.ts';
import { membersOf } from '../members.ts';
import { DEFAULT_SETTINGS, RULES, type RuleSettings } from './rules.ts';

/** The rules' settings: CUSTODY_RULES is JSON with any of the members of {@link RuleSettings}. */
export function ruleSettings(env: { readonly CUSTODY_RULES?: string | undefined }): RuleSettings {
  const text = env.CUSTODY_RULES || '{}';
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    given = null;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ConfigError('SETTING_INVALID', [
      'CUSTODY_RULES is a JSON object, as {"datasetGraceDays":7}',
    ]);
  const problems: string[] = [];
  const known = membersOf(DEFAULT_SETTINGS);
  for (const [name, value] of Object.entries(given)) {
    const usual = known[name];
    if (usual === undefined)
      problems.push(`CUSTODY_RULES knows ${Object.keys(DEFAULT_SETTINGS).join(', ')}, not ${name}`);
    else if (typeof usual === 'number' && !(Number.isInteger(value) && Number(value) >= 0))
      problems.push(`CUSTODY_RULES: ${name} is a whole number`);
    else if (Array.isArray(usual) && !isTexts(value))
      problems.push(`CUSTODY_RULES: ${name} is a list of strings`);
    else if (name === 'off' && isTexts(value))
      for (const id of value)
        if (!RULES.some((rule) => rule.id === id))
          problems.push(`CUSTODY_RULES: there is no rule ${id} to switch off`);
  }
  if (problems.length > 0) throw new ConfigError('SETTING_INVALID', problems);
  return { ...DEFAULT_SETTINGS, ...given };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
