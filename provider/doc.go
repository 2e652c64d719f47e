// Package provider speaks OpenID Connect and OAuth 2.0 for Clave IESS:
// endpoints, tokens, signing keys, registered applications, logout.
//
// A sign-in passes through here three times. GET or POST /authorize checks the
// application's request (readAuthorization, a pure function over the client and
// the parameters), stores it bound to the browser and hands over to Login, which
// knows the person. Login comes back with Grant or Deny inside its own
// transaction; both complete the request and return the authorization response
// to write once that transaction has committed. POST /oauth/token then spends
// the code: whoever calls is authenticated first, then one transaction consumes
// the code, checks everything against the stored request, which undoes it where
// something does not fit, and stores the family of tokens (the grant). A code or
// a refresh token used again revokes its family.
//
// The token endpoint is an op.Server of ours behind op.RegisterServer
// (zitadel/oidc); method, form and CORS policy stand in front of it (guard),
// because the library takes tokens and secrets from the URL and lets the last
// of two equal parameters win. Discovery and JWKS are bytes made beforehand.
// Tokens are minted here with go-jose: access and refresh tokens are 256 random
// bits stored as hashes, ID tokens are signed with the algorithm of the client's
// registration. Which key verifies is decided by kid and our own record, never
// by the token's header.
//
// Whoever calls a machine endpoint proves who it is by one method, its registered
// one (caller): a secret, a signed assertion whose jti counts once, a certificate.
// An access token is for one audience: ourselves (userinfo) or a registered
// resource server, which introspects it; one of type at+jwt is stored by its hash
// like the others and can be revoked like them. Keys that applications serve are
// read through a client that reaches no address of ours (outbound.go).
//
// How careful an application is to be served is its registration's word: requests
// pushed beforehand (par.go) or signed (requestobject.go, unwrap), answers signed
// (jarm.go), tokens bound to a key by DPoP proofs or certificates (possession.go:
// possess where tokens are given, owns where they are shown), all of it under
// iess_profile fapi2 (fapi.go). What a push asks is checked there and read again
// from the database when the browser comes; it is spent when the sign-in that came
// of it is completed.
//
// The end of a session queues a delivery for each application it had entered, and a
// security event (RFC 8417) one for each that receives such events and knows the
// person, in the transaction of the effect (storage). RunDeliveries signs a token
// for each when it is sent, over a client that connects to no inner address
// (newOutbound), and each application has a lane of its own, so that none waits for
// another.
//
// The tables in tables.go say what is supported; discovery prints them and the
// handlers obey them. Only fixed sentences leave; causes go to the log with the
// request id.
package provider
