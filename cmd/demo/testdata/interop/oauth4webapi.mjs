// The way of an application that uses oauth4webapi, which leaves each step to its caller.
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { Person } from "./person.mjs";

const settings = JSON.parse(process.env.CLAVE_INTEROP);
const person = new Person();
const client = { client_id: settings.client_id, id_token_signed_response_alg: settings.alg };
const auth = oauth.ClientSecretBasic(settings.client_secret);
const insecure = { [oauth.allowInsecureRequests]: true };

const issuer = new URL(settings.issuer);
const discovered = {};
for (const algorithm of ["oidc", "oauth2"]) {
  discovered[algorithm] = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...insecure }));
}
const as = discovered.oidc;
assert.equal(discovered.oauth2.token_endpoint, as.token_endpoint);
assert.equal(as.authorization_response_iss_parameter_supported, true);
console.log("ok discovery");

const verifier = oauth.generateRandomCodeVerifier();
const nonce = oauth.generateRandomNonce();
const state = oauth.generateRandomState();
const there = new URL(as.authorization_endpoint);
for (const [name, value] of Object.entries({
  client_id: client.client_id, redirect_uri: settings.redirect_uri, response_type: "code", scope: settings.scope, state, nonce, max_age: "300",
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
})) there.searchParams.set(name, value);
const back = await person.signIn(there, settings.redirect_uri, settings.cedula, settings.clave);
console.log("ok login");

const params = oauth.validateAuthResponse(as, client, back, state); // state and iss
const redeem = () => oauth.authorizationCodeGrantRequest(as, client, auth, params, settings.redirect_uri, verifier, insecure);
const response = await redeem();
const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, maxAge: 300, requireIdToken: true });
await oauth.validateApplicationLevelSignature(as, response, insecure);
const claims = oauth.getValidatedIdTokenClaims(tokens);
assert.notEqual(claims.sub, settings.cedula);
console.log("ok code");

const info = async (token) =>
  oauth.processUserInfoResponse(as, client, claims.sub, await oauth.userInfoRequest(as, client, token, insecure));
const person1 = await info(tokens.access_token);
assert.equal(person1.cedula, settings.cedula);
assert.equal(person1.name, settings.name);
console.log("ok userinfo");

const refresh = async (token) => {
  const answer = await oauth.refreshTokenGrantRequest(as, client, auth, token, insecure);
  return oauth.processRefreshTokenResponse(as, client, answer);
};
const fresh = await refresh(tokens.refresh_token);
assert.notEqual(fresh.refresh_token, tokens.refresh_token);
assert.equal((await info(fresh.access_token)).sub, claims.sub);
console.log("ok refresh");

const bye = new URL(as.end_session_endpoint);
bye.searchParams.set("id_token_hint", tokens.id_token);
bye.searchParams.set("post_logout_redirect_uri", settings.post_logout_redirect_uri);
const out = await person.open(bye, settings.post_logout_redirect_uri);
assert.equal(out.body, undefined, `logout ended at ${out.url.pathname}`);
const asked = await person.open(there, settings.redirect_uri);
assert.ok(person.has(asked, "clave"), "after the logout the clave is not asked for");
console.log("ok logout");

const replay = await redeem();
await assert.rejects(oauth.processAuthorizationCodeResponse(as, client, replay), { error: "invalid_grant" });
await assert.rejects(refresh(fresh.refresh_token), { error: "invalid_grant" });
console.log("ok replay revokes the family");
