// Signing in.
import { useState } from "preact/hooks";
import { Outcome, html, useWork } from "./parts.mjs";
import { ask, learnWhoIAm, me, signInKind } from "./store.mjs";
import { t } from "./texts.mjs";

export function SignIn({ failed }) {
  if (me.value?.refused !== undefined)
    return html`<section class="sign-in"><p role="alert">${me.value.refused}</p></section>`;
  return html`<section class="sign-in" aria-labelledby="sign-in">
    <h2 id="sign-in">${t("signIn")}</h2>
    ${failed && html`<p role="alert">${t(failed === "unreachable" ? "signInUnreachable" : "signInFailed")}</p>`}
    ${signInKind.value === "token" && html`<${TokenForm} />`}
    ${
      signInKind.value === "oidc" &&
      html`<p>${t("signInOidc")}</p>
        <p><a class="button" href="auth/start">${t("signIn")}</a></p>`
    }
    ${signInKind.value === "forward-auth" && html`<p>${t("signInProxy")}</p>`}
  </section>`;
}

function TokenForm() {
  const [token, setToken] = useState("");
  const work = useWork();
  const send = (submit) => {
    submit.preventDefault();
    void work.run(async () => {
      await ask("auth/login", { token });
      await learnWhoIAm();
    });
  };
  return html`<form onSubmit=${send}>
    <p>${t("signInToken")}</p>
    <label
      >${t("token")}
      <input
        type="password"
        autocomplete="current-password"
        required
        value=${token}
        onInput=${({ target }) => setToken(target.value)}
        autofocus
    /></label>
    <button type="submit" disabled=${work.busy}>${t("signIn")}</button>
    <${Outcome} ...${work} />
  </form>`;
}
