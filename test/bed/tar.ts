/** Tar archives in memory, as much of the format as an image layer needs (POSIX ustar). */
import { gzipSync } from "node:zlib";
import { createHash } from "node:crypto";

/** What is at a path: a file's content, a folder, or a link to another path. */
export type Entry = Buffer | "folder" | { readonly link: string };

/** A gzipped archive and both its names: `digest` of what is sent, `diffId` of what is in it. */
export interface Layer {
  readonly data: Buffer;
  readonly digest: string;
  readonly diffId: string;
}

export function layer(entries: Iterable<readonly [path: string, entry: Entry]>): Layer {
  const raw = tar(entries);
  const data = gzipSync(raw, { level: 1 });
  return { data, digest: sha256(data), diffId: sha256(raw) };
}

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function tar(entries: Iterable<readonly [string, Entry]>): Buffer {
  const parts: Buffer[] = [];
  for (const [path, entry] of entries) {
    const body = Buffer.isBuffer(entry) ? entry : Buffer.alloc(0);
    parts.push(header(path, entry, body.length), body, Buffer.alloc(-body.length & 511));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function header(path: string, entry: Entry, size: number): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at);
  block.write(path);
  octal(0o755, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write("        ", 148);
  block.write(typeFlag(entry), 156);
  if (typeof entry === "object" && "link" in entry) block.write(entry.link, 157);
  block.write("ustar\x0000", 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function typeFlag(entry: Entry): string {
  if (entry === "folder") return "5";
  return Buffer.isBuffer(entry) ? "0" : "2";
}
