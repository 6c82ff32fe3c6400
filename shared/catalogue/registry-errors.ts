// Why a registry gave no digest. Those with a remedy of their own show it; for the others the next check is the remedy.
// Pure data.
import type { Catalogue } from "./entry.ts";

export const registryErrors = {
  unreachable: {
    says: "registry unreachable: {server}: {because}",
    cause: "There is no connection, the name is unknown, or a proxy or firewall is in between.",
    remedy: "mend DNS or the firewall, or set HTTPS_PROXY; it is tried again at the next check",
  },
  tokenServerUnreachable: {
    says: "registry unreachable: {server}, which gives {registry}'s tokens: {because}",
    cause: "The registry is there, the server that gives access to it is not.",
    remedy: "mend DNS or the firewall, or set HTTPS_PROXY; it is tried again at the next check",
  },
  imageMissing: {
    says: "{registry} has no {image}, or it is private",
    cause: "The image or its tag was deleted or never there, or the registry hides what is private.",
    remedy: "check the name, or run `docker login {registry}` where it is private",
  },
  tagsUnusable: {
    says: "the tags of {image} cannot be listed: {because}",
    cause:
      "A tag policy other than `same` needs the list of all tags. Where there is none, it is not known which the container is to follow.",
    remedy: "mend that, or set the tag policy `same`; it is tried again at the next check",
  },
  engineSilent: {
    says: "the Engine gave no digest from {registry}: {because}",
    cause: "The registry was out of reach from here, and from the Engine, too.",
    remedy: "mend DNS or the firewall, or set HTTPS_PROXY; it is tried again at the next check",
  },
  forbidden: {
    says: "{registry} denies access to {image}",
    cause: "The account may not pull this image.",
    remedy: "run `docker login {registry}` as an account that may",
  },
  loginNeeded: {
    says: "{registry} denies access without credentials",
    cause: "The image is private, and no credentials for the registry are known here.",
    remedy:
      "`docker login {registry}` and mount its config.json, or set REPO_USER, REPO_PASS and REPO_REGISTRY",
  },
  loginUnreadable: {
    says: "{registry} denies access without credentials, and {because}",
    cause: "There are credentials, but they cannot be read.",
    remedy: "mend that, or set REPO_USER, REPO_PASS and REPO_REGISTRY",
  },
  loginRefused: {
    says: "{registry} refuses the credentials of {user}",
    cause: "The password or token is wrong or has expired.",
    remedy: "`docker login {registry}` again, or correct REPO_USER and REPO_PASS",
  },
  askedToWait: {
    says: "registry asks to wait: {because}; it is not asked before {time}",
    cause: "The rate limit of the registry is used up.",
    remedy: "wait, log in for a higher limit, or raise INTERVAL; `ouroboros status` shows what is left",
  },
  pauseUnderWay: {
    says: "{registry} asked to wait",
    cause: "The rate limit of the registry is used up.",
    remedy: "wait, log in for a higher limit, or raise INTERVAL; `ouroboros status` shows what is left",
  },
  status: {
    says: "{registry} answered {status} for {image}",
    cause: "The registry has a fault, or a proxy answers in its place.",
    remedy: "ask who runs it if it lasts; it is tried again at the next check",
  },
  serverStatus: {
    says: "{server} answered {status}",
    cause: "The registry or its token server is overloaded or has a fault.",
    remedy: "ask who runs it if it lasts; it is tried again at the next check",
  },
  tokenServerBusy: {
    says: "{server} is asked too often",
    cause: "The token server's rate limit is used up.",
    remedy: "wait, log in for a higher limit, or raise INTERVAL",
  },
  tokenUnusable: {
    says: "{registry}'s token server gave no token that can be used",
    cause: "It answered with something else, such as a login page of a proxy.",
    remedy: "see what answers there; it is tried again at the next check",
  },
  tokenServerUntrusted: {
    says: "{registry} names a token server that cannot be trusted: {realm}",
    cause: "The address is no https address.",
    remedy:
      "correct the registry's configuration, or name the registry among the Engine's insecure-registries",
  },
  tokenServerElsewhere: {
    says: "{registry} names the token server {server} on another site, which is not sent its credentials",
    cause: "A registry could otherwise have the credentials sent anywhere.",
    remedy: "if it is the right one, set TOKEN_SERVERS={registry}={server}",
  },
} as const satisfies Catalogue;

export const credentialErrors = {
  helperInvalid: {
    says: "the Docker client's config.json names a credential helper that cannot be one",
    cause: "The name of a helper has letters, digits, dots and dashes only.",
    remedy: "correct credsStore or credHelpers there",
  },
  helperAnswer: {
    says: "{program} gave no credentials that can be used",
    cause: "It printed something else than its protocol says.",
    remedy: "try it by hand here",
  },
  helperMissing: {
    says: "{program}, which the Docker client's config.json names, is not in PATH",
    cause: "The file comes from another machine, where the helper is installed.",
    remedy: "install it here, or put the credentials into `auths`",
  },
  helperNotExecutable: {
    says: "{program} cannot be run, because it is not executable",
    cause: "The file lacks the executable bit.",
    remedy: "`chmod +x` it",
  },
  helperSilent: {
    says: "{program} gave no answer within {seconds} s",
    cause: "It waits for a person, or for a keychain that is locked.",
    remedy: "try it by hand here",
  },
  helperFailed: {
    says: "{program} failed with {code}",
    cause: "It says why where it is called by hand.",
    remedy: "try it by hand here",
  },
  unusable: {
    says: "no credentials: {because}",
    cause: "The Docker client's configuration cannot be used, so nothing is asked with the wrong account.",
    remedy: "mend what it says",
  },
  configUnreadable: {
    says: "{file} cannot be read ({because})",
    cause: "The user of Ouroboros may not read the Docker client's configuration.",
    remedy: "let this user read it",
  },
  configDamaged: {
    says: "{file} is no Docker client configuration",
    cause: "The file is not JSON, or has other fields.",
    remedy: "write it anew with `docker login`",
  },
} as const satisfies Catalogue;
