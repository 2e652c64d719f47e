package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func fuzzClient() *storage.Client {
	return &storage.Client{ID: "web", Metadata: storage.ClientMetadata{
		PKCE: "required", Scope: strings.Join(scopes(), " "), GrantTypes: grantTypes(), RedirectURIs: []string{"https://web.example/cb"},
	}}
}

// Whatever comes, the request is refused with words that may leave, or what is
// stored of it is within bounds.
func FuzzT27_AuthorizationRequest(f *testing.F) {
	good := "client_id=web&redirect_uri=https%3A%2F%2Fweb.example%2Fcb&response_type=code&scope=openid&code_challenge=" + challengeOf(verifier) + "&code_challenge_method=S256"
	for _, more := range []string{
		"", "&prompt=none", "&prompt=none+login", "&max_age=-1", "&max_age=99999999999999999999", "&claims=%7B%22id_token%22%3A%7B%22name%22%3Anull%7D%7D",
		"&state=a&state=b", "&request=x", "&acr_values=a+b+urn%3Aiess%3Aacr%3Aclave", "&x=%00", "&state=%ff", "&;", "&=", "&%", "&id_token_hint=a.b.c", "&response_mode=form_post",
	} {
		f.Add(good + more)
	}
	f.Fuzz(func(t *testing.T, query string) {
		form, err := parseForm(query)
		if err != nil {
			return
		}
		q, bad := readAuthorization(fuzzClient(), form, func(string) (string, error) { return "", errHint })
		if bad != nil {
			if bad.code == "" || bad.description == "" || speakable(bad.description) != bad.description {
				t.Errorf("%q is refused with %+v", query, bad)
			}
			return
		}
		mode, _ := responseMode(form)
		if len(q.State) > 2048 || len(q.Nonce) > 512 || len(q.CodeChallenge) != 43 || q.ResponseMode != mode || !hasScope(q.Scope, "openid") {
			t.Errorf("%q is stored as %+v", query, q)
		}
		if !clean(q.State+q.Nonce+q.Scope+q.Params.LoginHint+q.Params.UILocales, false) {
			t.Errorf("%q: characters the database refuses", query)
		}
		stored, err := json.Marshal(q.Params)
		if err != nil || len(stored) > 20000 {
			t.Errorf("%q: %d bytes, %v", query, len(stored), err)
		}
		if to, err := url.Parse(withParams("https://web.example/cb", params{{"state", q.State}})); err != nil || to.Query().Get("state") != q.State {
			t.Errorf("state %q does not come back: %v", q.State, err)
		}
	})
}

func FuzzT27_ClaimsParameter(f *testing.F) {
	for _, raw := range []string{
		`{}`, `{"id_token":{"name":null}}`, `{"userinfo":{"email":{"essential":true,"values":["a",1]}}}`, `{"id_token":{"acr":{"essential":true,"values":["a"]}}}`,
		`{"id_token":{"sub":{"value":"x"}}}`, `{"id_token":{"sub":{"value":5}}}`, `[]`, `null`, `{"a":{"a":{"a":[[[[[]]]]]}}}`, `{"id_token":{},"id_token":{}}`, "\"\xff\"",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		req, steer, bad := readClaims(raw)
		if bad != nil {
			return
		}
		for _, name := range append(req.IDToken, req.Userinfo...) {
			if storage.ClaimScope(name) == "" {
				t.Errorf("%q: unknown claim %q is kept", raw, name)
			}
		}
		for _, v := range append(steer.acr, steer.sub) {
			if !clean(v, false) || len(v) > 256 {
				t.Errorf("%q: %q is kept", raw, v)
			}
		}
	})
}

func FuzzT27_IDTokenHint(f *testing.F) {
	k, err := newKey(defaultAlg, time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	k.State = storage.KeyActive
	set, _, err := newKeys([]storage.SigningKey{k}, time.Hour, time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	good, err := idToken{Iss: "https://op.example", Sub: "s", Aud: "web", Azp: "web"}.sign(set.signers[defaultAlg], nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, token := range []string{good, good + "x", "", "..", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.e30.", `{"payload":"","signatures":[]}`, "a.b.c.d.e", strings.Repeat("a.", 3000)} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		h, err := set.readHint(token, "https://op.example")
		if err == nil && (h.sub != "s" || h.clientID != "web") {
			t.Errorf("%q is believed: %+v", token, h)
		}
	})
}

func FuzzT27_ClientFile(f *testing.F) {
	f.Add(clientFile)
	for _, file := range []string{`[]`, `[{}]`, `[null]`, `{}`, `[{"client_id":"a","client_id":"b"}]`, `[{"redirect_uris":[null]}]`, `[{"client_id":{}}]`, "[\"\xff\"]", `[{"default_max_age":1e99}]`} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		registrations, err := ParseClients([]byte(file))
		if err != nil {
			if len(registrations) != 0 {
				t.Errorf("%q: refused, and applied", file)
			}
			return
		}
		for _, r := range registrations {
			if err := checkClient(r); err != nil {
				t.Errorf("%q: %v", file, err)
			}
			for _, uri := range r.Metadata.RedirectURIs {
				if !redirectAllowed(r.Metadata, uri) {
					t.Errorf("registered %q and not allowed", uri)
				}
			}
		}
	})
}

func FuzzT27_BasicAuthorization(f *testing.F) {
	for _, header := range []string{basic("web", secret), "Basic", "Basic ", "basic d2ViOng=", "Bearer x", "Basic d2Vi", "Basic OjoK", "Basic JTAwOiUwMA==", "Basic /w==", ""} {
		f.Add(header, "client_id=web")
	}
	f.Fuzz(func(t *testing.T, header, body string) {
		form, err := parseForm(body)
		if err != nil {
			return
		}
		h := http.Header{}
		if header != "" {
			h.Set("Authorization", header)
		}
		c, bad := readCredentials(h, form)
		switch {
		case bad != nil:
			if bad.code != "invalid_client" && bad.code != "invalid_request" {
				t.Errorf("%q: %v", header, bad)
			}
		case c.clientID == "" || !clean(c.clientID+c.secret, false) || c.method == "none" != (c.secret == ""):
			t.Errorf("%q %q: %+v", header, body, c)
		case c.method == "client_secret_basic" != (header != ""):
			t.Errorf("%q %q: method %s", header, body, c.method)
		}
	})
}

func FuzzT27_ResponseAddress(f *testing.F) {
	f.Add("https://web.example/cb", "state", "a b")
	f.Add("https://web.example/cb?x=1", "code", "\r\nLocation: https://evil.example")
	f.Add("https://web.example/cb?", "iss", "&x=#")
	f.Fuzz(func(t *testing.T, address, name, value string) {
		if checkRedirect(address, true) != nil {
			return
		}
		got := withParams(address, params{{name, value}})
		if !strings.HasPrefix(got, address) || strings.ContainsAny(got[len(address):], "\r\n #") {
			t.Errorf("%q: %q", address, got)
		}
	})
}
