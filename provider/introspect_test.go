package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

func (h *house) introspectBy(client, token string, header ...string) answerOf {
	h.t.Helper()
	return h.post(PathInspect, client, url.Values{"token": {token}}, header...)
}

// tokensFor are those of a sign-in at client for the resources named, the access
// token for the first.
func (h *house) tokensFor(client, scope string, resources ...string) answerOf {
	h.t.Helper()
	q := h.request(client, "scope", scope)
	q["resource"] = resources
	code := h.authorize(q).Get("code")
	a := h.token(client, h.redeem(client, code, "resource", resources[0]))
	if a.status != http.StatusOK {
		h.t.Fatalf("token: got %d %s", a.status, a.text)
	}
	return a
}

func TestRFC7662_ResourceServerLearnsOfItsTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		a := h.tokensFor("web", "openid profile", apiAudience)
		now := h.clock.now().Unix()
		got := h.introspectBy("api", a.get("access_token"))
		want(t, "status", got.status, http.StatusOK)
		want(t, "cache", got.header.Get("Cache-Control"), "no-store")
		id := h.claimsOf(a.get("id_token"))
		for name, value := range map[string]any{
			"active": true, "iss": h.url, "aud": apiAudience, "client_id": "web", "token_type": "Bearer", "scope": "openid profile",
			"iat": now, "exp": now + 600, "auth_time": h.session.AuthAt.Unix(), "acr": "urn:iess:acr:clave", "amr": []string{"pwd"},
			"sub": json.RawMessage(id["sub"]), // by which that application knows her, and no other
		} {
			wanted, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			want(t, name, string(got.body[name]), string(wanted))
		}
		want(t, "members", len(got.body), 12)
		own := h.introspectBy("api", h.machineToken("batch", apiAudience))
		want(t, "of no person: sub", own.get("sub"), "batch")
		for _, name := range []string{"auth_time", "acr", "amr"} {
			want(t, "of no person: "+name, string(own.body[name]), "")
		}
	})
}

// Whatever is not for the one who asks is not active, and nothing more is said.
func TestRFC7662_2_2_EverythingElseIsInactive(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		mine := h.tokensFor("web", "openid offline_access", apiAudience)
		inactive := func(what, client, token string) {
			t.Helper()
			got := h.introspectBy(client, token)
			want(t, what, got.status, http.StatusOK)
			want(t, what, got.text, `{"active":false}`)
		}
		inactive("of another audience", "api2", mine.get("access_token"))
		inactive("for ourselves", "api", h.tokens("web", "openid").get("access_token"))
		inactive("a refresh token", "api", mine.get("refresh_token"))
		inactive("an ID token", "api", mine.get("id_token"))
		inactive("unknown", "api", storage.NewSecret())
		inactive("NUL", "api", "a")
		machine := h.machineToken("batch", apiAudience)
		h.inTx(func(tx *storage.Tx) error { return DisableClient(t.Context(), tx, "batch", "test", h.clock.now()) })
		inactive("of a disabled client", "api", machine)
		want(t, "until then", h.introspectBy("api", mine.get("access_token")).get("active"), "true")
		h.post(PathRevoke, "web", url.Values{"token": {mine.get("refresh_token")}})
		inactive("revoked with its family", "api", mine.get("access_token"))
		late := h.tokensFor("web", "openid", apiAudience).get("access_token")
		h.inTx(func(tx *storage.Tx) error { return tx.DisableAfiliado(t.Context(), h.person.ID, "x", h.clock.now()) })
		inactive("of a disabled person", "api", late)
		h.signIn(h.addPerson("0959999913"))
		old := h.tokensFor("web", "openid", apiAudience).get("access_token")
		h.clock.add(h.AccessLife)
		inactive("expired", "api", old)
	})
}

func TestRFC7662_2_1_WhoMayIntrospect(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		key := h.machines()
		token := h.machineToken("batch", apiAudience)
		f := url.Values{"token": {token}}
		for name, tt := range map[string]struct {
			body, header string
			status       int
			error        string
		}{
			"an application":      {f.Encode(), basic("web", secret), 403, "unauthorized_client"},
			"its own client":      {f.Encode(), basic("batch", secret), 403, "unauthorized_client"},
			"wrong secret":        {f.Encode(), basic("api", "x"+secret), 401, "invalid_client"},
			"nobody":              {f.Encode(), "", 401, "invalid_client"},
			"a public client":     {with(f, "client_id", "mobile").Encode(), "", 403, "unauthorized_client"},
			"a token as bearer":   {f.Encode(), "Bearer " + token, 401, "invalid_client"},
			"assertion, no api":   {asserted(f, key.sign(t, "JWT", h.assertionClaims("service"))).Encode(), "", 403, "unauthorized_client"},
			"no token":            {"", basic("api", secret), 400, "invalid_request"},
			"token twice":         {f.Encode() + "&token=x", basic("api", secret), 400, "invalid_request"},
			"an unknown hint":     {with(f, "token_type_hint", "saml").Encode(), basic("api", secret), 200, ""},
			"hint refresh_token":  {with(f, "token_type_hint", "refresh_token").Encode(), basic("api", secret), 200, ""},
			"hint control letter": {with(f, "token_type_hint", "a\x00").Encode(), basic("api", secret), 400, "invalid_request"},
		} {
			var header []string
			if tt.header != "" {
				header = []string{"Authorization", tt.header}
			}
			got := h.json(h.do(http.MethodPost, PathInspect, tt.body, header...))
			want(t, name, got.status, tt.status)
			want(t, name, got.get("error"), tt.error)
			if tt.status == http.StatusUnauthorized {
				want(t, name, got.header.Get("WWW-Authenticate"), basicChallenge)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			res, _ := h.do(method, PathInspect+"?"+f.Encode(), "", "Authorization", basic("api", secret))
			want(t, method, res.StatusCode, http.StatusMethodNotAllowed)
		}
		got := h.json(h.do(http.MethodPost, PathInspect+"?"+f.Encode(), "", "Authorization", basic("api", secret)))
		want(t, "in the URL", got.get("error"), "invalid_request")
	})
}

func TestRFC9701_SignedIntrospection(t *testing.T) {
	one(t, func(t *testing.T, h *house) {
		h.machines()
		const media = "application/token-introspection+jwt"
		token := h.machineToken("batch", apiAudience)
		plain := h.introspectBy("api", token)
		got := h.introspectBy("api", token, "Accept", "text/html, "+media)
		want(t, "media type", got.header.Get("Content-Type"), media)
		jws, err := jose.ParseSignedCompact(got.text, []jose.SignatureAlgorithm{jose.EdDSA})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "typ", jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType], any("token-introspection+jwt"))
		set, err := h.keys.snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		payload, err := jws.Verify(set.verifiers[jws.Signatures[0].Protected.KeyID].key)
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]json.RawMessage
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		want(t, "the answer", string(claims["token_introspection"]), plain.text)
		want(t, "iss", string(claims["iss"]), `"`+h.url+`"`)
		want(t, "aud", string(claims["aud"]), `"api"`)
		want(t, "members", len(claims), 4)
		no := h.introspectBy("api", "unknown", "Accept", media)
		want(t, "inactive ones too", no.header.Get("Content-Type"), media)
		for name, accept := range map[string]string{"JSON": "application/json", "anything": "*/*", "not it": media + ";q=0"} {
			want(t, name, h.introspectBy("api", token, "Accept", accept).header.Get("Content-Type"), "application/json")
		}
		other := h.introspectBy("api2", token, "Accept", media)
		want(t, "no algorithm registered", other.header.Get("Content-Type"), "application/json")
	})
}
