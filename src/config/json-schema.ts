/** The configuration's schema as JSON Schema: what messages, the environment and the documentation are made from. */
import { z } from 'zod';

/** The part of JSON Schema that zod writes for our sections. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  /** Sections of several types, told apart by their `type`. */
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** As people write it: before defaults and transformations. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

/** A list of sections cannot be written in one variable. */
export function isListOfSections({ items }: JsonSchema): boolean {
  return items?.properties !== undefined || items?.oneOf !== undefined;
}

/** The node at a path; `value` is what is written there, and says which type of section an entry of a list is. */
export function schemaAt(
  schema: JsonSchema,
  path: readonly PropertyKey[],
  value: unknown,
): JsonSchema | undefined {
  let node: JsonSchema | undefined = schema;
  let here = value;
  for (const key of path) {
    here =
      typeof here === 'object' && here !== null ? (here as Record<PropertyKey, unknown>)[key] : undefined;
    const child: JsonSchema | undefined =
      typeof key === 'number' ? node?.items : node?.properties?.[String(key)];
    node = child?.oneOf?.find((one) => one.properties?.['type']?.const === typeOf(here)) ?? child;
  }
  return node;
}

function typeOf(section: unknown): unknown {
  return typeof section === 'object' && section !== null && 'type' in section ? section.type : undefined;
}
