// The headers of every answer: what the page may load and do, and that nothing is kept. Pure.
export const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    ...["script-src", "style-src", "img-src", "connect-src", "form-action"].map((what) => `${what} 'self'`),
    ...["base-uri", "frame-ancestors", "object-src"].map((what) => `${what} 'none'`),
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

interface PostFacts {
  readonly header: (name: string) => string | undefined;
  /** The address that browsers use, where DASHBOARD_URL says so. */
  readonly publicUrl: string;
}

/** Whether a browser sent the request because of another site. Other programs send neither header. */
export function isFromAnotherSite({ header, publicUrl }: PostFacts): boolean {
  const site = header("sec-fetch-site");
  if (site !== undefined) return site !== "same-origin";
  const origin = header("origin");
  if (origin === undefined) return false;
  if (!URL.canParse(origin)) return true;
  const wanted = publicUrl === "" ? header("host") : new URL(publicUrl).host;
  return new URL(origin).host !== wanted;
}
