// The session: of Traffic Ops by its own cookie, or a token that stays in this tab.

import { h } from "./elements.js";

const KEY = "tstats-token";
let auth = "none";

/** Ask once who is let in here. */
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
 * What stands in place of the figures while there is no good session.
 * @param {string} problem the server's words
 * @param {() => void} again called when another try makes sense
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
  const had = sessionStorage.getItem(KEY) !== null;
  sessionStorage.removeItem(KEY);
  const ofOps = auth === "trafficOps";
  return h(
    "section.panel.gate",
    {},
    h("h1", {}, ofOps ? "Log in to Traffic Ops" : "A token is needed"),
    h("p", {}, had ? `The token was not accepted: ${problem}` : problem),
    ofOps
      ? h(
          "p",
          {},
          "Figures are for who has a session of Traffic Ops. Log in to Traffic Portal at this same host name, then ",
          h("button", { type: "button", onclick: again }, "try again"),
          ". Where it has another host name, paste an access token of Traffic Ops here.",
        )
      : h("p", {}, "Whoever runs this makes one with ", h("code", {}, "tstats token create"), "."),
    h(
      "form",
      { onsubmit: submit },
      h("label", { for: "token" }, ofOps ? "Access token" : "Token"),
      field,
      h("button.primary", { type: "submit" }, "Show the figures"),
    ),
    h("p.fine", { id: "token-help" }, "It is kept in this tab only, until the tab is closed, and sent to this server only."),
  );
}
