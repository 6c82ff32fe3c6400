// The cookies of the dashboard: no script reads them, and no other site's request brings them.
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { AppContext } from "./app-context.ts";

export const SIGN_IN_COOKIE = "ouroboros_sign_in";

export const readCookie = (c: AppContext, name: string): string | undefined => getCookie(c, name);

interface CookieOptions {
  readonly publicUrl: string;
  readonly seconds: number;
  /** A browser that comes from the OIDC provider must bring it along. */
  readonly isFromProvider: boolean;
}

export const writeCookie = (
  c: AppContext,
  [name, value]: readonly [name: string, value: string],
  { publicUrl, seconds, isFromProvider }: CookieOptions,
): void =>
  setCookie(c, name, value, {
    httpOnly: true,
    sameSite: isFromProvider ? "Lax" : "Strict",
    secure: publicUrl.startsWith("https:"),
    path: pathOf(publicUrl),
    maxAge: seconds,
  });

export const removeCookie = (c: AppContext, name: string, publicUrl: string): void =>
  void deleteCookie(c, name, { path: pathOf(publicUrl) });

const pathOf = (publicUrl: string): string => (publicUrl === "" ? "/" : `${basePathOf(publicUrl)}/`);

/** `/ouroboros` of `https://example.org/ouroboros/`; empty where it is served at the root. */
export const basePathOf = (publicUrl: string): string =>
  publicUrl === "" ? "" : new URL(publicUrl).pathname.replace(/\/+$/, "");
