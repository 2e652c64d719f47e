package provider

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What discovery lists works, and what it does not list is refused.
func TestOIDC_2_1_1_DiscoverySaysWhatHappens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		long, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		_, ed, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		ec := newTestKey(t, "")
		keys := map[string]any{"ES256": ec.private, "PS256": long, "RS256": long, "EdDSA": ed, "PS512": long}
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: ec.private.Public(), KeyID: "ES256"}, {Key: long.Public(), KeyID: "rsa"}, {Key: ed.Public(), KeyID: "EdDSA"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		h.apply(`[{"client_id":"all","client_name":"All","redirect_uris":["https://all.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":` + string(set) + `}]`)
		h.clock.add(time.Second)
		_, text := h.do(http.MethodGet, PathMetadata, "")
		var m struct {
			Modes    []string `json:"response_modes_supported"`
			Prompts  []string `json:"prompt_values_supported"`
			Methods  []string `json:"code_challenge_methods_supported"`
			Requests []string `json:"request_object_signing_alg_values_supported"`
			Proofs   []string `json:"dpop_signing_alg_values_supported"`
			Push     string   `json:"pushed_authorization_request_endpoint"`
			MustPush bool     `json:"require_pushed_authorization_requests"`
			MustSign bool     `json:"require_signed_request_object"`
			Objects  bool     `json:"request_parameter_supported"`
			ByURI    bool     `json:"request_uri_parameter_supported"`
		}
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		listed := func(what string, names, others []string, works func(name string) bool) {
			if len(names) == 0 {
				t.Errorf("%s: nothing is listed", what)
			}
			for _, name := range names {
				want(t, what+" "+name, works(name), true)
			}
			for _, name := range others {
				want(t, what+" "+name+", which is not listed", works(name), false)
			}
		}
		refused := func(q url.Values) bool {
			res, body := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "")
			return res.StatusCode >= 400 || strings.Contains(res.Header.Get("Location"), "error=invalid_request") || strings.Contains(body, "invalid_request")
		}
		listed("response_mode", m.Modes, []string{"web_message", "query.jws", ".jwt"}, func(name string) bool { return !refused(h.request("web", "response_mode", name)) })
		listed("prompt", m.Prompts, []string{"create"}, func(name string) bool { return !refused(h.request("web", "prompt", name)) })
		listed("code_challenge_method", m.Methods, []string{"plain", "S512"}, func(name string) bool { return !refused(h.request("web", "code_challenge_method", name)) })
		kid := func(alg string) string {
			if keys[alg] == any(long) {
				return "rsa"
			}
			return alg
		}
		listed("request object", m.Requests, []string{"RS256", "PS512"}, func(alg string) bool {
			object := signWith(t, keys[alg], jose.SignatureAlgorithm(alg), kid(alg), requestType(), h.objectClaims("all"))
			return !refused(url.Values{"client_id": {"all"}, "request": {object}})
		})
		push := func(assertion string, header ...string) int {
			f := asserted(h.request("all"), assertion)
			return h.json(h.do(http.MethodPost, strings.TrimPrefix(m.Push, h.url), f.Encode(), header...)).status
		}
		assertion := func() string { return signWith(t, ec.private, jose.ES256, "ES256", "JWT", h.assertionClaims("all")) }
		listed("DPoP proof", m.Proofs, []string{"RS256", "PS512"}, func(alg string) bool {
			proof := proofWith(t, keys[alg], jose.SignatureAlgorithm(alg), nil, h.proofClaims(http.MethodPost, PathPush))
			return push(assertion(), "DPoP", proof) == http.StatusCreated
		})
		want(t, "plain requests are taken", refused(h.request("web")), m.MustPush || m.MustSign)
		want(t, "request objects are taken", m.Objects, true)
		want(t, "by reference, as it says", m.ByURI, false)
		want(t, "by reference", h.authorize(h.request("web", "request_uri", "https://all.example/r")).Get("error"), "request_uri_not_supported")
	})
}

// One key signs all that an application signs, and each serves in its own place
// and in no other (RFC 8725 section 3.12, RFC 9101 section 10.8).
func TestJWT_3_12_WhatAClientSignsServesInItsOwnPlace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := newTestKey(t, "one")
		h.apply(`[{"client_id":"one","client_name":"One","redirect_uris":["https://one.example/cb"],"token_endpoint_auth_method":"private_key_jwt",
			"jwks":` + key.set(t) + `,"iess_access_token_format":"jwt"}]`)
		h.clock.add(time.Second)
		assertion := func() string { return key.sign(t, "JWT", h.assertionClaims("one")) }
		keyed := func(path string, f url.Values, header ...string) answerOf {
			return h.json(h.do(http.MethodPost, path, asserted(f, assertion()).Encode(), header...))
		}
		visit := func(q url.Values) string { return location(t, h.visitQuery(q)).Get("code") }
		fresh := func() map[string]string {
			tokens := keyed(PathToken, h.redeem("one", visit(h.request("one"))), "DPoP", h.proof(key, http.MethodPost, PathToken))
			return map[string]string{
				"client assertion": assertion(),
				"request object":   key.sign(t, "JWT", h.objectClaims("one")), // without a type of its own, as OpenID lets it
				"DPoP proof":       h.proof(key, http.MethodPost, PathToken),
				"request_uri":      keyed(PathPush, h.request("one")).get("request_uri"),
				"ID token":         tokens.get("id_token"),
				"access token":     tokens.get("access_token"),
				"signed response":  location(t, h.visitQuery(h.request("one", "response_mode", "jwt"))).Get("response"),
			}
		}
		places := map[string]struct {
			takes string
			try   func(token string) bool
		}{
			"client_assertion": {"client assertion", func(s string) bool {
				return h.json(h.do(http.MethodPost, PathPush, asserted(h.request("one"), s).Encode())).status == http.StatusCreated
			}},
			"request": {"request object", func(s string) bool { return visit(url.Values{"client_id": {"one"}, "request": {s}}) != "" }},
			"DPoP": {"DPoP proof", func(s string) bool {
				return keyed(PathToken, h.redeem("one", visit(h.request("one"))), "DPoP", s).status == http.StatusOK
			}},
			"request_uri":   {"request_uri", func(s string) bool { return visit(url.Values{"client_id": {"one"}, "request_uri": {s}}) != "" }},
			"id_token_hint": {"ID token", func(s string) bool { return visit(h.request("one", "id_token_hint", s)) != "" }},
			"userinfo": {"access token", func(s string) bool {
				return h.show("DPoP", s, h.proof(key, http.MethodGet, PathUserinfo, "ath", accessHash(s))).status == http.StatusOK
			}},
		}
		for place, p := range places {
			for kind, token := range fresh() {
				want(t, kind+" as "+place, p.try(token), kind == p.takes)
			}
		}
	})
}

// Neither the log nor an answer holds what serves somebody else who reads it, nor
// what a Go error says (T20, OIDC-3.4-1).
func TestT20_OIDC_3_4_1_PushesAndProofsStayOutOfTheLog(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.signing()
		uri := h.pushed("web", "state", "state-5f0c1d", "nonce", "nonce-8a7b6c", "login_hint", "1759999913")
		other := h.pushed("web")
		h.visit("other", uri)
		code := location(t, h.visit("web", uri)).Get("code")
		h.visit("web", uri)
		object := key.sign(t, requestType(), h.objectClaims("signs", "exp", 1, "state", "state-5f0c1d"))
		h.authorize(h.request("signs", "request", object))
		h.authorize(h.request("signs", "request", object[:len(object)-4]))
		proof := h.proof(key, http.MethodPost, PathToken, "htm", "GET")
		h.post(PathToken, "web", h.redeem("web", code), "DPoP", proof)
		h.post(PathToken, "web", h.redeem("web", code), "DPoP", proof[:len(proof)-4])
		log := h.log.String()
		for what, word := range map[string]string{
			"request_uri": uri[len(pushedPrefix):], "another request_uri": other[len(pushedPrefix):], "code": code, "state": "state-5f0c1d", "nonce": "nonce-8a7b6c",
			"cédula": "1759999913", "request object": strings.Split(object, ".")[1], "proof": strings.Split(proof, ".")[1],
		} {
			want(t, "the log holds the "+what, strings.Contains(log, word), false)
		}
		want(t, "the log says why", strings.Contains(log, "htm is another method") && strings.Contains(log, "exp is past"), true)
		q := h.request("web").Encode()
		if err := h.db.Close(); err != nil {
			t.Fatal(err)
		}
		res, text := h.do(http.MethodPost, PathPush, q, "Authorization", basic("web", secret))
		want(t, "without a database", res.StatusCode, http.StatusInternalServerError)
		want(t, "without a database", text, `{"error":"server_error","error_description":"the request could not be completed"}`)
		res, text = h.do(http.MethodGet, PathAuthorize+"?client_id=web&request_uri="+url.QueryEscape(other), "")
		want(t, "a visit without a database", res.StatusCode, http.StatusInternalServerError)
		want(t, "its words", strings.Contains(text, "database") || strings.Contains(text, "storage:"), false)
	})
}
