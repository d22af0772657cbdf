// The session: Traffic Ops' own cookie, or a token that is kept in this tab.

import { h } from "./elements.js";

const KEY = "tstats-token";
let auth = "none";

/** Find out how this server authenticates. */
export async function begin() {
  const response = await fetch("page/start");
  if (response.ok) auth = (await response.json()).auth;
}

/** The headers of every request. */
export function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * Create what is shown instead of the data while there is no valid session.
 * @param {string} problem the server's error
 * @param {() => void} again called to try again
 */
export function gate(problem, again) {
  const field = h("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "token-help",
  });
  const submit = (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, field.value.trim());
    again();
  };
  const refused = sessionStorage.getItem(KEY) !== null;
  sessionStorage.removeItem(KEY);
  const withTrafficOps = auth === "trafficOps";
  return h(
    "section.panel.gate",
    {},
    h("h1", {}, withTrafficOps ? "Log in to Traffic Ops" : "A token is required"),
    h("p", {}, refused ? `The token was not accepted: ${problem}` : problem),
    withTrafficOps
      ? h(
          "p",
          {},
          "This page requires a session of Traffic Ops. Log in to Traffic Portal on this host name, then ",
          h("button", { type: "button", onclick: again }, "try again"),
          ". If Traffic Portal has another host name, paste an access token of Traffic Ops here.",
        )
      : h("p", {}, "The operator of this server can create one with ", h("code", {}, "tstats token create"), "."),
    h(
      "form",
      { onsubmit: submit },
      h("label", { for: "token" }, withTrafficOps ? "Access token" : "Token"),
      field,
      h("button.primary", { type: "submit" }, "Continue"),
    ),
    h("p.fine", { id: "token-help" }, "It is kept in this tab until you close it, and sent only to this server."),
  );
}
