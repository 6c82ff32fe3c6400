// The subject on which another process answers a bare request.
export const ECHO = "bench.echo";
