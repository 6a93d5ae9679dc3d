// Signing in by OpenID Connect: the code flow with PKCE. The token lives as long as the tab.
import * as oauth from "oauth4webapi";

const HELD = "session";
const PENDING = "signing-in";

let config;
let issuer;

/** What the page has to know of its deployment, read once. */
export async function configured() {
  if (!config) {
    const answer = await fetch("/console/config.json");
    if (!answer.ok) throw new Error((await answer.json()).detail);
    config = await answer.json();
  }
  return config;
}

/** The bearer token, or null for nobody. */
export function token() {
  const held = JSON.parse(sessionStorage.getItem(HELD) ?? "null");
  return held && held.until > Date.now() ? held.token : null;
}

/** Leave for the issuer's page; it comes back here with a code. */
export async function signIn() {
  const { clientId, scope } = await configured();
  const server = await discovered();
  const [verifier, state, nonce] = [
    oauth.generateRandomCodeVerifier(),
    oauth.generateRandomState(),
    oauth.generateRandomNonce(),
  ];
  sessionStorage.setItem(PENDING, JSON.stringify({ verifier, state, nonce, hash: location.hash }));
  const url = new URL(server.authorization_endpoint);
  const asked = {
    client_id: clientId,
    redirect_uri: here(),
    response_type: "code",
    scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
}

/** If the issuer sent the browser back with a code: take the token. Raises what is wrong with it. */
export async function complete() {
  const url = new URL(location.href);
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  if (!(url.searchParams.has("code") || url.searchParams.has("error"))) return;
  history.replaceState(null, "", here() + (pending?.hash ?? ""));
  if (!pending) throw new Error("nobody asked for it here");
  sessionStorage.removeItem(PENDING);
  const [{ clientId }, server] = [await configured(), await discovered()];
  const client = { client_id: clientId };
  const parameters = oauth.validateAuthResponse(server, client, url, pending.state);
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    here(),
    pending.verifier,
    insecure(),
  );
  const expected = { expectedNonce: pending.nonce, requireIdToken: false };
  const granted = await oauth.processAuthorizationCodeResponse(server, client, answer, granting(expected));
  const until = Date.now() + (granted.expires_in ?? 3600) * 1000;
  sessionStorage.setItem(HELD, JSON.stringify({ token: granted.access_token, until }));
}

/** Forget the token; at the issuer too, where it can. */
export async function signOut() {
  sessionStorage.clear();
  const server = await discovered().catch(() => ({}));
  if (!server.end_session_endpoint) return location.assign(here());
  const url = new URL(server.end_session_endpoint);
  url.searchParams.set("post_logout_redirect_uri", here());
  url.searchParams.set("client_id", (await configured()).clientId);
  location.assign(url);
}

/** The token holds no more: the next look at the page signs in anew. */
export function expire() {
  sessionStorage.removeItem(HELD);
}

async function discovered() {
  if (!issuer) {
    const url = new URL((await configured()).issuer);
    issuer = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, insecure()));
  }
  return issuer;
}

/** A nonce is expected where an ID token comes. */
function granting(expected) {
  return config.scope.split(" ").includes("openid") ? expected : { requireIdToken: false };
}

/** Only an issuer on this very machine may be asked without TLS. */
function insecure() {
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(new URL(config.issuer).hostname);
  return { [oauth.allowInsecureRequests]: local };
}

function here() {
  return location.origin + "/console";
}
