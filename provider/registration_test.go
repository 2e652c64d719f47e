package provider

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// member is the good application with one member set (raw JSON) or, by "",
// removed.
func member(t *testing.T, name, value string) string {
	t.Helper()
	m := map[string]json.RawMessage{
		"client_id": json.RawMessage(`"app"`), "client_secret": json.RawMessage(`"` + secret + `"`), "client_name": json.RawMessage(`"App"`),
		"redirect_uris": json.RawMessage(`["https://app.example/cb"]`),
	}
	if value == "" {
		delete(m, name)
	} else {
		m[name] = json.RawMessage(value)
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestClientFileRefuses(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"client_id", "", "client_id: is required"},
		{"client_id", `5`, "client_id: must not be a JSON number"},
		{"client_id", `"a b"`, "client_id"},
		{"client_id", `"a:b"`, "client_id"},
		{"client_id", `"` + strings.Repeat("a", 129) + `"`, "client_id"},
		{"client_name", "", "client_name: is required"},
		{"client_name", `"a\u0000b"`, "client_name"},
		{"client_nam", `"x"`, "unknown member"},
		{"Client_Name", `"x"`, "unknown member"},
		{"iess_nothing", `true`, "unknown member"},
		{"client_secret", `"corta"`, "at least 32|must have 32"},
		{"client_secret", `"` + strings.Repeat("ab", 20) + `"`, "must be random"},
		{"client_secret", `"` + secret + ` "`, "visible ASCII"},
		{"client_secret", `null`, "null is no value"},
		{"iess_renewal_window", `-1`, "iess_renewal_window: must be 0 to 86400 seconds"},
		{"iess_renewal_window", `86401`, "iess_renewal_window: must be 0 to 86400 seconds"},
		{"iess_renewal_window", `"30m"`, "\"app\": iess_renewal_window: must not be a JSON string"},
		{"iess_renewal_window", `1.5`, "iess_renewal_window: must not be a JSON number"},
		{"iess_renewal_window", `null`, "null is no value"},
		{"iess_resources", `["urn:a","urn:b","urn:a"]`, "iess_resources: \"urn:a\" is named twice"},
		{"iess_resources", `["https://api.example#x"]`, "without fragment"},
		{"iess_resources", `["api"]`, "must be an absolute URI"},
		{"iess_resources", `["urn:a b"]`, "must be an absolute URI"},
		{"iess_resources", `["urn:a\u00a0b"]`, "must be an absolute URI"},
		{"iess_resources", `["urn:` + strings.Repeat("a", 2048) + `"]`, "must be an absolute URI"},
		{"iess_resources", `[""]`, "must be an absolute URI"},
		{"iess_resources", `"urn:a"`, "iess_resources: must not be a JSON string"},
		{"iess_resources", `[5]`, "iess_resources: must not be a JSON number"},
		{"iess_resources", `null`, "null is no value"},
		{"iess_resources", `["` + strings.Join(many(maxNamed+1), `","`) + `"]`, "iess_resources: more than 100"},
		{"iess_resource_server", `"urn:a\u00a0b"`, "iess_resource_server: must be an absolute URI"},
		{"redirect_uris", "", "redirect_uris: at least one"},
		{"redirect_uris", `[]`, "redirect_uris: at least one"},
		{"redirect_uris", `"https://app.example/cb"`, "redirect_uris: must not be a JSON string"},
		{"redirect_uris", `["https://app.example/cb","https://app.example/cb"]`, "named twice"},
		{"redirect_uris", `["https://a.example/","https://b.example/"]`, "sector_identifier_uri"},
		{"redirect_uris", `["http://app.example/cb"]`, "must be https"},
		{"redirect_uris", `["https://app.example/cb#x"]`, "fragment"},
		{"redirect_uris", `["https://app.example/cb#"]`, "fragment"},
		{"redirect_uris", `["https://u@app.example/cb"]`, "user information"},
		{"redirect_uris", `["https://*.example/cb"]`, "not allowed"},
		{"redirect_uris", `["https://app.example/../cb"]`, "dot segments"},
		{"redirect_uris", `["https://app.example/%2e%2e/cb"]`, "dot segments"},
		{"redirect_uris", `["https://app.example/c b"]`, "not allowed"},
		{"redirect_uris", `["https://app.example\\@evil/cb"]`, "not allowed"},
		{"redirect_uris", `["https://iéss.example/cb"]`, "not allowed"},
		{"redirect_uris", `["https:///cb"]`, "must be https"},
		{"redirect_uris", `["/cb"]`, "absolute"},
		{"redirect_uris", `["javascript:alert(1)"]`, "must be https"},
		{"redirect_uris", `["ec.gob.iess.movil:/cb"]`, "application_type native"},
		{"redirect_uris", `["https://app.example/` + strings.Repeat("a", 2000) + `"]`, "2000 bytes"},
		{"post_logout_redirect_uris", `["http://app.example/"]`, "post_logout_redirect_uris"},
		{"client_uri", `"javascript:alert(1)"`, "client_uri"},
		{"initiate_login_uri", `"http://app.example/"`, "initiate_login_uri"},
		{"application_type", `"browser"`, "application_type"},
		{"token_endpoint_auth_method", `"client_secret_jwt"`, "token_endpoint_auth_method"},
		{"token_endpoint_auth_method", `"private_key_jwt"`, "client_secret: contradicts"},
		{"token_endpoint_auth_method", `"none"`, "client_secret: contradicts"},
		{"grant_types", `["implicit"]`, "grant_types"},
		{"grant_types", `["refresh_token"]`, "must contain authorization_code"},
		{"grant_types", `["authorization_code","authorization_code"]`, "named twice"},
		{"grant_types", `[]`, "must contain authorization_code"},
		{"response_types", `["code token"]`, "response_types"},
		{"response_types", `[]`, "response_types"},
		{"scope", `"profile"`, "must contain openid"},
		{"scope", `"openid admin"`, "scope"},
		{"scope", `"openid openid"`, "named twice"},
		{"scope", `"openid claim:cedula"`, "scope"},
		{"scope", `"openid offline_access"`, "contradicts grant_types"},
		{"subject_type", `"cedula"`, "subject_type"},
		{"id_token_signed_response_alg", `"none"`, "id_token_signed_response_alg"},
		{"id_token_signed_response_alg", `"HS256"`, "id_token_signed_response_alg"},
		{"default_max_age", `-1`, "default_max_age"},
		{"default_max_age", `"60"`, "default_max_age: must not be a JSON string"},
		{"default_acr_values", `["urn:iess:acr:none"]`, "default_acr_values"},
		{"require_auth_time", `"yes"`, "require_auth_time"},
		{"iess_pkce", `"plain"`, "iess_pkce"},
		{"iess_access_token_format", `"xml"`, "iess_access_token_format"},
		{"iess_profile", `"fapi1"`, "iess_profile: \"fapi1\" is not supported"},
		{"iess_resource_server", `"api"`, "iess_resource_server: must be an absolute URI"},
		{"iess_resource_server", `"https://api.example/#x"`, "iess_resource_server: must be an absolute URI"},
		{"iess_resource_server", `["https://api.example"]`, "iess_resource_server: must not be a JSON array"},
		{"iess_events", `["session-revoked"]`, "iess_events: \"session-revoked\" is not supported; there are https://schemas.openid.net/"},
		{"iess_events", `["` + storage.BackchannelLogout + `"]`, "iess_events"},
		{"iess_events", `["` + storage.AccountEnabled + `","` + storage.AccountEnabled + `"]`, "named twice"},
		{"iess_events", `["` + storage.AccountEnabled + `"]`, "there is no iess_events_uri"},
		{"iess_events", `"` + storage.AccountEnabled + `"`, "iess_events: must not be a JSON string"},
		{"iess_events_uri", `"https://app.example/eventos"`, "iess_events names nothing"},
		{"iess_events_uri", `"http://app.example/eventos"`, "must be https"},
		{"iess_events_uri", `"https://app.example/eventos#x"`, "fragment"},
		{"iess_events_uri", `"https://u:p@app.example/eventos"`, "user information"},
		{"backchannel_logout_uri", `"http://app.example/out"`, "backchannel_logout_uri: \"http://app.example/out\" must be https"},
		{"backchannel_logout_uri", `"https://app.example/out#x"`, "fragment"},
		{"backchannel_logout_uri", `"https://u:p@app.example/out"`, "user information"},
		{"backchannel_logout_uri", `"https://app.example/a/../out"`, "dot segments"},
		{"backchannel_logout_uri", `"ec.gob.iess.movil:/out"`, "must be https"},
		{"backchannel_logout_uri", `"out"`, "absolute"},
		{"backchannel_logout_uri", `["https://app.example/out"]`, "backchannel_logout_uri: must not be a JSON array"},
		{"backchannel_logout_session_required", `true`, "there is no backchannel_logout_uri"},
		{"frontchannel_logout_uri", `"https://app.example/out"`, "not supported by this version"},
		{"jwks", `{"keys":[]}`, "jwks: holds no key"},
		{"jwks", `{"keys":{}}`, "jwks: provider: the JWK set must be"},
		{"jwks", `"x"`, "jwks"},
		{"jwks", `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, "holds a secret"},
		{"jwks", `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, "cannot be read"},
		{"jwks_uri", `"http://app.example/jwks"`, "jwks_uri"},
		{"token_endpoint_auth_signing_alg", `"ES256"`, "is for token_endpoint_auth_method private_key_jwt"},
		{"token_endpoint_auth_signing_alg", `"HS256"`, "token_endpoint_auth_signing_alg"},
		{"tls_client_auth_san_dns", `"app.example"`, "is for token_endpoint_auth_method tls_client_auth"},
		{"userinfo_signed_response_alg", `"none"`, "userinfo_signed_response_alg"},
		{"introspection_signed_response_alg", `"HS256"`, "introspection_signed_response_alg"},
		{"scope", `"openid historia:leer"`, "scope"},
		{"grant_types", `["authorization_code","client_credentials"]`, "client_credentials needs a scope"},
		{"grant_types", `["client_credentials"]`, "response_types|client_credentials needs a scope"},
		{"require_pushed_authorization_requests", `"yes"`, "require_pushed_authorization_requests: must not be a JSON string"},
	} {
		file := "[" + member(t, "client_name", `"First"`) + "," + member(t, tt.name, tt.value) + "]"
		file = strings.Replace(file, `"client_id":"app"`, `"client_id":"first"`, 1)
		_, err := ParseClients([]byte(file))
		if err == nil {
			t.Errorf("%s %s: accepted", tt.name, tt.value)
			continue
		}
		reasons := strings.Split(tt.want, "|")
		if !slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(err.Error(), r) }) || !strings.HasPrefix(err.Error(), "index 1, client ") {
			t.Errorf("%s %s: got %q, want %q", tt.name, tt.value, err, tt.want)
		}
	}
	for file, reason := range map[string]string{
		``: "JSON array", `{}`: "JSON array", `[`: "JSON array", `[] []`: "JSON array", `["x"]`: "index 0", `[null]`: "index 0", `[[]]`: "index 0",
		`[{"client_id":"a","client_id":"b"}]`:                                                  "given twice",
		"[" + member(t, "client_name", `"A"`) + "," + member(t, "client_name", `"B"`) + "]":    "already at index 0",
		`[{"client_id":"a","jwks":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}]`: "nested",
	} {
		if _, err := ParseClients([]byte(file)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.60s: got %v, want %q", file, err, reason)
		}
	}
}

func TestClientFileAccepts(t *testing.T) {
	for _, tt := range []struct{ name, value string }{
		{"grant_types", `["authorization_code","refresh_token"]`},
		{"redirect_uris", `["http://localhost:8081/cb","http://127.0.0.1/cb","http://[::1]:1/cb"]`},
		{"redirect_uris", `["https://app.example/cb?x=1&y=%20"]`},
		{"iess_events", `[]`},
		{"backchannel_logout_uri", `"https://app.example:8443/fin?app=1"`},
		{"backchannel_logout_uri", `"http://127.0.0.1:8081/fin"`},
		{"backchannel_logout_session_required", `false`},
		{"iess_access_token_format", `"opaque"`},
		{"iess_access_token_format", `"jwt"`},
		{"iess_resource_server", `"https://api.example"`},
		{"iess_resource_server", `"urn:iess:historia"`},
		{"iess_resources", `[]`},
		{"iess_resources", `["urn:iess:historia","https://api.example/a?b=1"]`},
		{"jwks_uri", `"https://app.example/jwks"`},
		{"userinfo_signed_response_alg", `"PS256"`},
		{"introspection_signed_response_alg", `"ES256"`},
		{"client_secret_expires_at", `0`},
		{"require_pushed_authorization_requests", `false`},
		{"default_max_age", `0`},
		{"contacts", `["mesa@app.example"]`},
		{"iess_pkce", `"optional"`},
		{"iess_renewal_window", `0`},
		{"iess_renewal_window", `86400`},
	} {
		if _, err := ParseClients([]byte("[" + member(t, tt.name, tt.value) + "]")); err != nil {
			t.Errorf("%s %s: %v", tt.name, tt.value, err)
		}
	}
	got, err := ParseClients([]byte("[" + member(t, "x", "") + "]"))
	if err != nil {
		t.Fatal(err)
	}
	file := strings.Replace(member(t, "backchannel_logout_uri", `"http://[::1]:8081/fin"`), "{", `{"backchannel_logout_session_required":true,`, 1)
	if told, err := ParseClients([]byte("[" + file + "]")); err != nil || !told[0].Metadata.BackchannelLogoutSessionRequired {
		t.Errorf("backchannel_logout_session_required: got %+v, %v", told, err)
	}
	m := got[0].Metadata
	want(t, "auth", m.TokenEndpointAuthMethod, "client_secret_basic")
	want(t, "alg", m.IDTokenSignedAlg, "ES256")
	want(t, "subject", m.SubjectType, "pairwise")
	want(t, "pkce", m.PKCE, "required")
	want(t, "scope", m.Scope, "openid")
	want(t, "type", m.ApplicationType, "web")
}

func TestApplyReplacesAndKeepsTheSecret(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		apply := func(file string) error {
			registrations, err := ParseClients([]byte(file))
			if err != nil {
				t.Fatal(err)
			}
			return h.db.InTx(t.Context(), func(tx *storage.Tx) error { return registrations[0].Apply(t.Context(), tx, h.clock.now()) })
		}
		if err := apply("[" + member(t, "client_secret", "") + "]"); err == nil || !strings.Contains(err.Error(), "client_secret") {
			t.Errorf("a new client without secret: %v", err)
		}
		want(t, "with one", apply("["+member(t, "x", "")+"]"), nil)
		want(t, "replaced without naming it", apply("["+strings.Replace(member(t, "client_secret", ""), `"App"`, `"Otra"`, 1)+"]"), nil)
		c, err := h.db.Client(t.Context(), "app")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "name", c.Metadata.ClientName, "Otra")
		want(t, "secret", string(c.SecretMAC), string(h.db.ClientSecretMAC("app", secret)))
		stored, err := json.Marshal(c.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the secret itself is nowhere", strings.Contains(string(stored), secret), false)
		want(t, "audited", h.audited(eventClientApplied), 8)
	})
}

func TestOIDC_2_4_10_ASVS_10_4_11_ScopesAreThoseRegistered(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("other", "openid profile email cedula afiliacion admin openid", "state", "")
		want(t, "scope", a.get("scope"), "openid profile")
		info := h.userinfoOf(a.get("access_token"))
		for _, claim := range []string{"email", "cedula", "tipo_asegurado"} {
			want(t, claim, info.get(claim), "")
		}
		for _, scope := range []string{"", " ", "profile", "OPENID", "openid,profile", "xopenid"} {
			got := h.authorize(h.request("web", "scope", scope))
			want(t, "scope "+scope, got.Get("error"), "invalid_scope")
		}
	})
}
