// Package rp is an application that signs people in with Clave IESS, doing what
// a careful team does. The demo runs three of them; end-to-end tests run it too.
//
// The way in: POST /ingresar makes a pre-session (state, nonce, PKCE verifier),
// bound to this browser by a cookie, and sends the person to the provider. GET
// /retorno checks, in this order, the issuer (RFC 9207), the state and its
// browser, redeems the code, checks the ID token and starts a session of the
// application's own. The browser holds nothing but random cookies: tokens stay
// in this process (a backend for the frontend, ASVS 10.1.1). The one exception
// is the ID token, which RP-initiated logout sends along as id_token_hint.
//
// What a team may copy: provider.go (the library set up without its soft
// defaults), check.go (what the library leaves to the caller), recovered.go (no
// large sum right after a recovery), end.go and events.go (what the provider says of
// sessions and accounts), presession.go and session.go. In production the two
// stores, and what events.go remembers, are a database.
package rp
