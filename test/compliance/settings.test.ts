import { expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../lib/compliance/rules.ts';
import { ruleSettings } from '../../lib/compliance/settings.ts';

test('what CUSTODY_RULES leaves out is as usual', () => {
  expect(ruleSettings({})).toEqual(DEFAULT_SETTINGS);
  expect(ruleSettings({ CUSTODY_RULES: '{"silenceHours":1}' })).toEqual({
    ...DEFAULT_SETTINGS,
    silenceHours: 1,
  });
});

test.each([
  ['no JSON', 'off'],
  ['no object', '[]'],
  ['a name that no setting has', '{"grace":1}'],
  ['a name that every object has', '{"constructor":1}'],
  ['half a day', '{"datasetGraceDays":0.5}'],
  ['a text in place of a list', '{"prefixes":"s3://b/"}'],
  ['a rule that is not there', '{"off":["orphans"]}'],
])('CUSTODY_RULES is refused: %s', (_, text) => {
  expect(() => ruleSettings({ CUSTODY_RULES: text })).toThrow('CUSTODY_RULES');
});
