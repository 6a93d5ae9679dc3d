// A relying party by openid-client: prints where to sign in, reads where the browser came back, prints who it was.
//
//   node openid_client.mjs ISSUER CLIENT_ID REDIRECT_URI
import { createInterface } from "node:readline";
import * as client from "openid-client";

const [issuer, clientId, redirectUri] = process.argv.slice(2);
const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
const config = await client.discovery(new URL(issuer), clientId, undefined, client.None(), { execute });

const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const expectedNonce = client.randomNonce();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: "openid",
  state: expectedState,
  nonce: expectedNonce,
  max_age: "60",
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
});
console.log(url.href);

for await (const line of createInterface({ input: process.stdin })) {
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 60, idTokenExpected: true };
  const tokens = await client.authorizationCodeGrant(config, new URL(line), checks);
  console.log(JSON.stringify(tokens.claims()));
}
