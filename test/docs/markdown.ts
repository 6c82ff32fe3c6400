/** The pieces of the printed pages: headings, tables, and how a schema is told in words. */
import * as z from "zod";
import {
  containerPayload,
  imagePayload,
  servicePayload,
  updateable,
  updateableService,
} from "../../shared/contract/payloads.ts";

export const page = (title: string, ...parts: readonly string[]): string =>
  `<!-- Printed by \`npm run docs\` from a table in the code; edit that. -->\n\n# ${title}\n\n${parts.join("\n\n")}\n`;

export const code = (text: string): string => `\`${text}\``;

export const block = (language: string, text: string): string =>
  `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

export const json = (value: unknown): string => JSON.stringify(value, undefined, 2);

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");

/** `base` leads to docs/hooks.md, where containers and images are told. */
export const fieldsOf = (shape: z.ZodObject["shape"], base = ""): string =>
  table(
    ["Field", "What it is", "Meaning"],
    Object.entries<z.ZodType>(shape).map(([name, field]) => [
      code(name),
      kindOf(field, base),
      field.description ?? "",
    ]),
  );

/** What is told in a section of its own. */
const LINKED: readonly z.ZodType[] = [containerPayload(), servicePayload(), updateableService()];
const elementOf = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodArray ? (schema.element as z.ZodType) : schema;

function kindOf(schema: z.ZodType, base: string): string {
  if (schema === containerPayload()) return `[a container](${base}#a-container)`;
  if (schema === imagePayload()) return `[an image](${base}#an-image)`;
  if (schema === servicePayload()) return `[a service](${base}#a-service)`;
  if (schema instanceof z.ZodOptional && LINKED.includes(elementOf(schema.unwrap() as z.ZodType)))
    return `${kindOf(schema.unwrap() as z.ZodType, base)}, may be missing`;
  if (schema === updateableService())
    return "an update of a service: `service`, `current_image`, `latest_image`";
  if (schema === updateable()) return "an update: `container`, `current_image`, `latest_image`";
  if (schema instanceof z.ZodArray) return `list of: ${kindOf(schema.element as z.ZodType, base)}`;
  return typeOf(z.toJSONSchema(schema, { io: "input" }) as JsonSchema);
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly anyOf?: readonly JsonSchema[];
}

function typeOf(schema: JsonSchema): string {
  const { type = "any", items, properties, additionalProperties } = schema;
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map(code).join(", ");
  if (items) return `list of ${typeOf(items)}`;
  if (properties) return `{ ${Object.keys(properties).join(", ")} }`;
  if (additionalProperties) return `name → ${typeOf(additionalProperties)}`;
  return typeof type === "string" ? type : type.join(" or ");
}
