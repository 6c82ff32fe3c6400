// How Ouroboros 1 writes an Engine, so that queries and dashboards made for it keep working. Pure.

/** In Prometheus: `unix://var/run/docker.sock` as its default has it, `tcp://web01:2376`. */
export const socketLabel = (socket: string): string => socket.replace(/^unix:\/\/\/+/, "unix://");

/** In InfluxDB, without the scheme: `var/run/docker.sock`, `web01:2376`. */
export const socketTag = (socket: string): string => socketLabel(socket).replace(/^[a-z]+:\/\//, "");
