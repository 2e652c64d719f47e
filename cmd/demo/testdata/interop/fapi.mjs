// The way of an application of the FAPI 2.0 profile that uses openid-client: private_key_jwt, a signed request
// pushed beforehand, DPoP with nonces, and a signed answer.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { Person } from "./person.mjs";

const settings = JSON.parse(process.env.CLAVE_INTEROP);
const person = new Person();
const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const jwk = JSON.parse(settings.jwk);
const key = { key: await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]), kid: jwk.kid };

const config = await client.discovery(
  new URL(settings.issuer), settings.client_id,
  { id_token_signed_response_alg: settings.alg, authorization_signed_response_alg: settings.alg },
  client.PrivateKeyJwt(key), { execute: [client.allowInsecureRequests] },
);
client.enableNonRepudiationChecks(config);
client.useJwtResponseMode(config);
const server = config.serverMetadata();
assert.ok(server.pushed_authorization_request_endpoint && server.dpop_signing_alg_values_supported.includes("ES256"));
console.log("ok discovery");

const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
const verifier = client.randomPKCECodeVerifier();
const nonce = client.randomNonce();
const state = client.randomState();
const parameters = {
  redirect_uri: settings.redirect_uri, scope: settings.scope, state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
};
const plain = client.buildAuthorizationUrl(config, parameters);
const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, key);
const there = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP });
assert.deepEqual([...there.searchParams.keys()].sort(), ["client_id", "request_uri"]);
console.log("ok push");

await person.open(there, settings.redirect_uri); // a browser that fetches ahead
const back = await person.signIn(there, settings.redirect_uri, settings.cedula, settings.clave);
assert.deepEqual([...back.searchParams.keys()], ["response"]);
console.log("ok login");

const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true };
const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP });
const claims = tokens.claims();
assert.equal(tokens.token_type, "dpop");
assert.equal(claims.nonce, nonce);
console.log("ok code");

const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP });
assert.equal(info.cedula, settings.cedula);
assert.equal(info.name, settings.name);
const thief = await fetch(server.userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
assert.equal(thief.status, 401);
console.log("ok userinfo");

for (let i = 0; i < 2; i++) {
  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  assert.equal(fresh.refresh_token, undefined);
  await client.fetchUserInfo(config, fresh.access_token, claims.sub, { DPoP });
}
console.log("ok refresh without rotation");

const again = await person.open(there, settings.redirect_uri);
assert.equal(again.status, 400, "a request_uri was used twice");
const unpushed = await person.open(plain, settings.redirect_uri);
await assert.rejects(client.authorizationCodeGrant(config, unpushed.url, checks, undefined, { DPoP }), { error: "invalid_request" });
console.log("ok request_uri used once");

await assert.rejects(client.authorizationCodeGrant(config, back, checks, undefined, { DPoP }), { error: "invalid_grant" });
await assert.rejects(client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP }));
console.log("ok replay revokes the family");
