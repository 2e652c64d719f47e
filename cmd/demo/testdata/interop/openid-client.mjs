// The way of an application that uses openid-client: discovery, code with PKCE, refresh, userinfo, logout, and being
// told of a logout by the back channel, whose tokens it verifies with jose as openid-client does its own.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as client from "openid-client";
import { Person } from "./person.mjs";

const settings = JSON.parse(process.env.CLAVE_INTEROP);
const person = new Person();

const told = []; // logout tokens, in the order in which they came
const end = new URL(settings.backchannel_logout_uri);
const backChannel = createServer(async (request, response) => {
  const form = new URLSearchParams(await text(request));
  const good = request.method === "POST" && request.url === end.pathname && form.has("logout_token");
  if (good) told.push(form.get("logout_token"));
  response.writeHead(good ? 200 : 400, { "cache-control": "no-store" }).end();
  backChannel.emit("told");
});
await once(backChannel.listen(Number(end.port), end.hostname), "listening");

const config = await client.discovery(
  new URL(settings.issuer), settings.client_id, { id_token_signed_response_alg: settings.alg },
  client.ClientSecretPost(settings.client_secret), { execute: [client.allowInsecureRequests] },
);
client.enableNonRepudiationChecks(config); // verifies the signature of the ID token too
assert.equal(config.serverMetadata().supportsPKCE(), true);
console.log("ok discovery");

const verifier = client.randomPKCECodeVerifier();
const nonce = client.randomNonce();
const state = client.randomState();
const there = client.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri, scope: settings.scope, state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
});
const back = await person.signIn(there, settings.redirect_uri, settings.cedula, settings.clave);
console.log("ok login");

const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true, maxAge: 300 };
const tokens = await client.authorizationCodeGrant(config, back, checks);
const claims = tokens.claims();
assert.equal(claims.iss, settings.issuer);
assert.equal(claims.nonce, nonce);
assert.notEqual(claims.sub, settings.cedula);
assert.ok(claims.sid && claims.acr && claims.amr.length && claims.auth_time);
console.log("ok code");

await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: "invalid_grant" });
console.log("ok replay refused");

// The replay has ended the first family: the person goes the way again, and is not asked again.
const again = { verifier: client.randomPKCECodeVerifier(), nonce: client.randomNonce(), state: client.randomState() };
const second = await person.open(client.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri, scope: settings.scope, state: again.state, nonce: again.nonce,
  code_challenge: await client.calculatePKCECodeChallenge(again.verifier), code_challenge_method: "S256",
}), settings.redirect_uri);
assert.equal(second.body, undefined, `asked again at ${second.url.pathname}`);
const live = await client.authorizationCodeGrant(config, second.url, {
  pkceCodeVerifier: again.verifier, expectedNonce: again.nonce, expectedState: again.state, idTokenExpected: true,
});
assert.equal(live.claims().sub, claims.sub);
console.log("ok single sign-on");

const info = await client.fetchUserInfo(config, live.access_token, claims.sub);
assert.equal(info.cedula, settings.cedula);
assert.equal(info.name, settings.name);
console.log("ok userinfo");

const fresh = await client.refreshTokenGrant(config, live.refresh_token);
assert.notEqual(fresh.refresh_token, live.refresh_token);
assert.notEqual(fresh.access_token, live.access_token);
if (fresh.claims()) assert.equal(fresh.claims().sub, claims.sub);
await client.fetchUserInfo(config, fresh.access_token, claims.sub);
console.log("ok refresh");

const bye = client.buildEndSessionUrl(config, {
  post_logout_redirect_uri: settings.post_logout_redirect_uri, id_token_hint: live.id_token, state: "adios",
});
const out = await person.open(bye, settings.post_logout_redirect_uri);
assert.equal(out.body, undefined, `logout ended at ${out.url.pathname}`);
assert.equal(out.url.searchParams.get("state"), "adios");
const asked = await person.open(there, settings.redirect_uri);
assert.ok(person.has(asked, "clave"), "after the logout the clave is not asked for");
console.log("ok logout");

while (told.length === 0) await once(backChannel, "told", { signal: AbortSignal.timeout(20_000) });
const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
const { payload } = await jwtVerify(told[0], keys, {
  issuer: settings.issuer, audience: settings.client_id, typ: "logout+jwt", algorithms: [settings.alg],
  requiredClaims: ["iat", "exp", "jti"], maxTokenAge: 120,
});
assert.deepEqual(payload.events, { "http://schemas.openid.net/event/backchannel-logout": {} });
assert.equal(payload.sid, live.claims().sid);
assert.equal(payload.sub, claims.sub);
assert.equal(payload.nonce, undefined);
assert.equal(told.length, 1, "one session, one logout");
console.log("ok back-channel logout");

await assert.rejects(client.refreshTokenGrant(config, "nobody-gave-this-one"), { error: "invalid_grant" });
console.log("ok unknown token refused");
backChannel.close();
