import { readFile } from 'node:fs/promises';

/** A CloudFormation template, or any part of one. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
export type Part = { [name: string]: Json };

export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: Part;
  readonly deletionPolicy: Json | undefined;
}

interface Template {
  readonly Parameters: Record<string, { Type: string; Default: string }>;
  readonly Conditions: Part;
  readonly Resources: Record<
    string,
    { Type: string; Properties?: Part; Condition?: string; DeletionPolicy?: string }
  >;
}

const NOTHING = Symbol('AWS::NoValue');

/** The resources that a packaged template makes under these parameters, every Fn::If decided. */
export async function resourcesOf(
  file: string,
  given: Readonly<Record<string, string>> = {},
): Promise<Resource[]> {
  const template = JSON.parse(await readFile(file, 'utf8')) as Template;
  const parameter = (name: string): Json | undefined => {
    const declared = template.Parameters[name];
    if (declared === undefined) return undefined;
    const value = given[name] ?? declared.Default;
    return declared.Type === 'CommaDelimitedList' ? value.split(',') : value;
  };
  const holds = (condition: Json | undefined): boolean => {
    const [name, operand] = Object.entries(condition as Part)[0] ?? [];
    if (name === 'Condition') return holds(template.Conditions[operand as string]);
    const [first, second] = operand as [Json, Json];
    if (name === 'Fn::Not') return !holds(first);
    if (name === 'Fn::Equals') return resolved(first) === resolved(second);
    throw new Error(`a condition made with ${name} is new to this test`);
  };
  const resolved = (part: Json): Json | typeof NOTHING => {
    if (Array.isArray(part)) return part.map(resolved).filter((of): of is Json => of !== NOTHING);
    if (typeof part !== 'object' || part === null) return part;
    if (typeof part['Ref'] === 'string') {
      if (part['Ref'] === 'AWS::NoValue') return NOTHING;
      return parameter(part['Ref']) ?? part;
    }
    if (Array.isArray(part['Fn::If'])) {
      const [condition, yes, no] = part['Fn::If'];
      return resolved((holds({ Condition: condition as string }) ? yes : no) as Json);
    }
    if (Array.isArray(part['Fn::Join'])) {
      const [separator, list] = resolved(part['Fn::Join']) as [string, Json[]];
      if (list.every((of) => typeof of === 'string')) return list.join(separator);
    }
    const members = Object.entries(part).map(([name, of]) => [name, resolved(of)] as const);
    return Object.fromEntries(
      members.filter((member): member is [string, Json] => member[1] !== NOTHING),
    );
  };
  return Object.entries(template.Resources)
    .filter(([, { Condition }]) => Condition === undefined || holds({ Condition }))
    .map(([id, { Type, Properties = {}, DeletionPolicy }]) => ({
      id,
      type: Type,
      properties: resolved(Properties) as Part,
      deletionPolicy: DeletionPolicy,
    }));
}

/** One statement of a policy, its actions and resources always lists. */
export interface Statement {
  readonly in: string;
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resources: readonly Json[];
  readonly principal: Json | undefined;
  readonly condition: Json | undefined;
}

/** Every statement of every policy: of roles, buckets, queues and topics; who may take a role is not among them. */
export function statementsOf(resources: readonly Resource[]): Statement[] {
  return resources.flatMap(({ id, properties }) => {
    const inline = (properties['Policies'] as Part[] | undefined) ?? [];
    return [properties, ...inline].flatMap(({ PolicyDocument: document }) => {
      const statements = ((document as Part | undefined)?.['Statement'] as Part[]) ?? [];
      return statements.map((statement) => ({
        in: id,
        effect: statement['Effect'] as string,
        actions: [statement['Action'] as string].flat(),
        resources: [statement['Resource'] as Json].flat(),
        principal: statement['Principal'],
        condition: statement['Condition'],
      }));
    });
  });
}
