/** The configuration's schema as JSON Schema: what messages, the environment and the documentation are made from. */
import { z } from 'zod';

/** The part of JSON Schema that zod writes for our sections. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** As people write it: before defaults and transformations. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

/** A list of sections cannot be written in one variable. */
export function isListOfSections({ items }: JsonSchema): boolean {
  return items?.properties !== undefined;
}

/** The node at a path; undefined where there is none, as inside lists. */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  return path.reduce<JsonSchema | undefined>((node, key) => node?.properties?.[String(key)], schema);
}
