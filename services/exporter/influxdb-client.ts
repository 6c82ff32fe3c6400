// Writes points to InfluxDB 1.x and says what an error means. An error of the library holds the request with its
// password, so none leaves this file.
import { isIPv6 } from "node:net";
import { FieldType, InfluxDB } from "influx";
import type { Settings } from "../../shared/settings/settings.ts";
import { CannotStart, explain } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors, settingErrors } from "../../shared/catalogue/start-errors.ts";
import { type FieldValue, configurationFields } from "./configuration-fields.ts";
import { MEASUREMENT, type Point, TAGS, updatePoints } from "./influxdb-points.ts";

export type WriteResult =
  | { readonly kind: "written" }
  /** Nothing is wrong with the points: they are written later. */
  | { readonly kind: "away"; readonly because: string }
  /** InfluxDB does not take these points, now or later. */
  | { readonly kind: "refused"; readonly because: string };

export interface InfluxdbClient {
  /** For people and the log. */
  readonly address: string;
  /** `time` is in milliseconds since 1970. */
  readonly write: (points: readonly Point[], time: number) => Promise<WriteResult>;
  /** Whether it answers and has the database; writes nothing. */
  readonly check: () => Promise<WriteResult>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const BAD_REQUEST = 400;
const DENIED: readonly unknown[] = [401, 403];
const NOT_FOUND = 404;

/** @throws CannotStart where a setting makes no sense. */
export function openInfluxdb(settings: Settings): InfluxdbClient {
  const { INFLUX_URL: host, INFLUX_PORT: port, INFLUX_DATABASE: database, INFLUX_SSL } = settings;
  if (database === "")
    throw new CannotStart(
      messageOf(settingErrors.settingMissing, {
        setting: "INFLUX_DATABASE",
        value: "the database at InfluxDB to write to",
      }),
    );
  if (!isIPv6(host) && !/^[A-Za-z0-9._-]+$/.test(host))
    throw new CannotStart(messageOf(observerErrors.influxAddress));
  const client = new InfluxDB({
    hosts: [
      {
        ...{ host: isIPv6(host) ? `[${host}]` : host, port, protocol: INFLUX_SSL ? "https" : "http" },
        options: { hostname: host, rejectUnauthorized: settings.INFLUX_VERIFY_SSL },
      },
    ],
    ...{ database, username: settings.INFLUX_USERNAME, password: settings.INFLUX_PASSWORD },
    pool: { maxRetries: 0, requestTimeout: REQUEST_TIMEOUT_MS },
    schema: [{ measurement: MEASUREMENT, fields: fieldTypes(settings), tags: [...TAGS] }],
  });
  const missing = `there is no database ${database}: create it with \`CREATE DATABASE "${database}"\``;
  const ask = (work: () => Promise<WriteResult>): Promise<WriteResult> =>
    work().catch((error: unknown) => explainError(error, missing));
  return {
    address: `${host}:${port}`,
    write: (points, time) =>
      ask(async () => {
        await client.writePoints(
          points.map(({ tags, fields }) => ({
            ...{ measurement: MEASUREMENT, tags: { ...tags }, fields: { ...fields } },
            timestamp: new Date(time),
          })),
        );
        return { kind: "written" };
      }),
    check: () =>
      ask(async () =>
        (await client.getDatabaseNames()).includes(database)
          ? { kind: "written" }
          : { kind: "away", because: missing },
      ),
  };
}

/** Without them the client writes each number as a float, which does not go with the integers of Ouroboros 1. */
function fieldTypes(settings: Settings): Record<string, FieldType> {
  const update = updatePoints({ host: "", socket: "", container: "", monitored: 0, updated: 0 });
  const examples = [...update.map(({ fields }) => fields), configurationFields(settings)];
  return Object.fromEntries(
    examples.flatMap((fields) => Object.entries(fields).map(([name, value]) => [name, fieldType(value)])),
  );
}

function fieldType(value: FieldValue): FieldType {
  if (typeof value === "number") return FieldType.INTEGER;
  return typeof value === "boolean" ? FieldType.BOOLEAN : FieldType.STRING;
}

const MAX_REASON_LENGTH = 300;

function explainError(error: unknown, missing: string): WriteResult {
  const because = explain(error).slice(0, MAX_REASON_LENGTH);
  const status = statusOf(error);
  if (status === NOT_FOUND) return { kind: "away", because: missing };
  if (DENIED.includes(status))
    return {
      kind: "away",
      because: `it does not let INFLUX_USERNAME in with this INFLUX_PASSWORD (${status ?? ""})`,
    };
  return { kind: status === BAD_REQUEST ? "refused" : "away", because };
}

/** Undefined where InfluxDB did not answer. The library does not export the class of its errors. */
const statusOf = (error: unknown): number | undefined =>
  (error as { readonly res?: { readonly statusCode?: number } }).res?.statusCode;
