// A stand-in for wollomatic/socket-proxy, whose image no Engine of the bed can pull: it takes the same words, lets
// through what `-allowMETHOD=PATTERN` says, and tells on its output what it denied. -allowfrom is not looked at.
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";

const rights = process.argv.slice(2).flatMap((word) => {
  const [, method = "", path = ""] = /^-allow([A-Z]+)=(.*)$/.exec(word) ?? [];
  return method === "" ? [] : [{ method, path: new RegExp(`^(?:${path})$`) }];
});

createServer((asked: IncomingMessage, answer: ServerResponse) => {
  const { method = "", url = "", headers } = asked;
  const path = url.split("?")[0] ?? "";
  if (!rights.some((right) => right.method === method && right.path.test(path))) {
    console.log(`denied ${method} ${path}`);
    answer.writeHead(403).end('{"message":"not allowed"}');
    return;
  }
  const passed = request({ socketPath: "/var/run/docker.sock", method, path: url, headers }, (said) => {
    answer.writeHead(said.statusCode ?? 502, said.headers);
    said.pipe(answer);
  });
  passed.on("error", () => answer.destroy());
  answer.on("close", () => passed.destroy());
  asked.pipe(passed);
}).listen(2375, "0.0.0.0");
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
