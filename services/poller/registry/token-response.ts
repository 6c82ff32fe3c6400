// Parses a token server's response. Distribution spec, "Token Authentication": `token` or `access_token`. Pure.
import * as z from "zod";
import { parseJson } from "../../../shared/contract/messages.ts";

const TokenResponse = z
  .object({
    token: z.string().optional(),
    access_token: z.string().optional(),
    expires_in: z.number().positive().optional(),
  })
  .transform(({ token, access_token, expires_in }) => ({ token: token ?? access_token ?? "", expires_in }))
  .refine(({ token }) => token !== "");

export const parseTokenResponse = (body: string): z.infer<typeof TokenResponse> | undefined =>
  TokenResponse.safeParse(parseJson(body)).data;
