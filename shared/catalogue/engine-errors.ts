// Why an Engine is not reached. Pure data.
import type { Catalogue } from "./entry.ts";

export const engineErrors = {
  socketMissing: {
    says: "there is no socket {path}",
    cause: "Docker does not run here, or its socket is not mounted into the container.",
    remedy: "start Docker, mount its socket there, or correct DOCKER_SOCKETS",
  },
  socketDenied: {
    says: "this user may not open the socket {path}",
    cause: "A socket of Docker is for root and for the members of its group.",
    remedy: "run this as root, or give it the socket's group with `--group-add`",
  },
  unreachable: {
    says: "nothing answers at {socket} ({because})",
    cause: "No Engine listens there, the name is unknown, or a firewall is in between.",
    remedy: "start it, or correct DOCKER_SOCKETS",
  },
  certificatesMissing: {
    says: "there are no certificates for {socket}: neither {own} nor {common} is a folder",
    cause: "With DOCKER_TLS an Engine on tcp:// wants a certificate of its client.",
    remedy: "put them into one of the two, or set DOCKER_CERT_PATH to their folder",
  },
  certificateUnreadable: {
    says: "{file} cannot be read, and DOCKER_TLS needs it: {because}",
    cause: "The file is not there, or this user may not read it.",
    remedy: "put it there, or let this user read it",
  },
  certificatesMixed: {
    says: "{cert}, {key} and {ca} do not fit together: {because}",
    cause: "They come from different authorities, or one of the files is damaged.",
    remedy: "make the three anew for this client",
  },
  certificateExpired: {
    says: "{file} expired at {time}",
    cause: "Certificates are valid for a limited time.",
    remedy: "renew it",
  },
  engineNotTrusted: {
    says: "the certificate of {socket} is not good by {ca}: {because}",
    cause: "Another authority signed it, it has expired, or it is for another name.",
    remedy:
      "use the authority's certificate and the name that the Engine has, or set DOCKER_TLS_VERIFY=false",
  },
  clientNotTrusted: {
    says: "{socket} does not take the client certificate {cert}, or speaks no TLS: {because}",
    cause: "The Engine knows another authority, or its port is one without TLS.",
    remedy: "use a certificate that its authority signed, or the Engine's port for TLS",
  },
} as const satisfies Catalogue;
