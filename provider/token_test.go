package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The library's legacy router gives tokens where the verifier is missing, and
// its other one says invalid_request (oidc.md 3.1, 4.3).
func TestOIDC_3_1_1_BCP_2_1_1_Verifier(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for name, tt := range map[string]struct{ client, verifier string }{
			"missing":                {"web", ""},
			"wrong":                  {"web", "x" + verifier[1:]},
			"the challenge itself":   {"web", challengeOf(verifier)},
			"too short":              {"web", verifier[:42]},
			"too long":               {"web", strings.Repeat("a", 129)},
			"bad characters":         {"web", verifier[:42] + "+"},
			"missing, public client": {"mobile", ""},
			"wrong, public client":   {"mobile", "x" + verifier[1:]},
		} {
			code := h.code(tt.client)
			got := h.token(tt.client, h.redeem(tt.client, code, "code_verifier", tt.verifier))
			want(t, name, got.status, http.StatusBadRequest)
			want(t, name, got.get("error"), "invalid_grant")
			want(t, name+": burned", h.token(tt.client, h.redeem(tt.client, code)).status, http.StatusOK)
		}
		// A verifier where the request had no challenge: somebody stripped it.
		code := h.code("legacy", "code_challenge", "", "code_challenge_method", "")
		want(t, "downgrade", h.token("legacy", h.redeem("legacy", code)).get("error"), "invalid_grant")
		want(t, "without PKCE", h.token("legacy", h.redeem("legacy", code, "code_verifier", "")).status, http.StatusOK)
	})
}

func TestOIDC_3_1_2_PublicApplicationNeedsPKCE(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		got := h.authorize(h.request("mobile", "code_challenge", "", "code_challenge_method", ""))
		want(t, "error", got.Get("error"), "invalid_request")
		want(t, "code", got.Get("code"), "")
	})
}

func TestOIDC_3_1_3_PlainIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, client := range []string{"web", "mobile", "legacy"} {
			got := h.authorize(h.request(client, "code_challenge", verifier, "code_challenge_method", "plain"))
			want(t, client, got.Get("error"), "invalid_request")
		}
	})
}

// The library answers a wrong secret with 400, or first says whether the code is
// good, and never names a scheme.
func TestOIDC_3_1_4_WrongSecret(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("web")
		for name, header := range map[string]string{
			"wrong secret":       basic("web", "x"+secret),
			"empty secret":       basic("web", ""),
			"unknown client":     basic("nobody", secret),
			"another's secret":   basic("mobile", secret),
			"no base64":          "Basic ***",
			"no colon":           "Basic d2Vi",
			"bad escape":         "Basic d2ViOiV6eg==",
			"another scheme":     "Bearer " + secret,
			"only the scheme":    "Basic",
			"not UTF-8":          "Basic /zo=",
			"huge":               "Basic " + strings.Repeat("QUFB", 2000),
			"NUL in the id":      basic("web\x00", secret),
			"public with secret": basic("mobile", "x"),
		} {
			for what, c := range map[string]string{"good code": code, "bad code": "nonsense"} {
				got := h.json(h.do(http.MethodPost, PathToken, h.redeem("web", c).Encode(), "Authorization", header))
				want(t, name+", "+what, got.status, http.StatusUnauthorized)
				want(t, name+", "+what, got.get("error"), "invalid_client")
				want(t, name+", "+what, got.header.Get("WWW-Authenticate"), `Basic realm="clave"`)
				want(t, name+", "+what, got.get("error_description"), "the client could not be authenticated")
			}
		}
		want(t, "the code still works", h.token("web", h.redeem("web", code)).status, http.StatusOK)
	})
}

func TestOIDC_3_4_6_WhoCannotAuthenticateBurnsNoCode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("mobile")
		h.json(h.do(http.MethodPost, PathToken, h.redeem("mobile", code, "client_id", "web").Encode()))
		want(t, "still good", h.token("mobile", h.redeem("mobile", code)).status, http.StatusOK)
	})
}

// The library takes a secret in any method (oidc.md 2.4).
func TestOIDC_2_4_1_OneMethodAndTheRegisteredOne(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, bad := readCredentials(http.Header{"Authorization": {basic("web", secret), basic("web", secret)}}, form{})
		want(t, "two headers", bad != nil && bad.code == "invalid_client", true)
		f := func(client string, pairs ...string) string { return h.redeem(client, "nonsense", pairs...).Encode() }
		for name, tt := range map[string]struct{ body, header, error string }{
			"basic client posts":          {f("web", "client_id", "web", "client_secret", secret), "", "invalid_client"},
			"post client by basic":        {f("post"), basic("post", secret), "invalid_client"},
			"confidential client by none": {f("web", "client_id", "web"), "", "invalid_client"},
			"public client with secret":   {f("mobile", "client_id", "mobile", "client_secret", secret), "", "invalid_client"},
			"both at once":                {f("web", "client_id", "web", "client_secret", secret), basic("web", secret), "invalid_request"},
			"two clients":                 {f("web", "client_id", "other"), basic("web", secret), "invalid_request"},
			"assertion":                   {f("web", "client_assertion", "x", "client_assertion_type", "y"), basic("web", secret), "invalid_client"},
			"nobody":                      {f("web"), "", "invalid_client"},
			"basic and its own id":        {f("web", "client_id", "web"), basic("web", secret), "invalid_grant"},
			"post":                        {f("post", "client_id", "post", "client_secret", secret), "", "invalid_grant"},
			"none":                        {f("mobile", "client_id", "mobile"), "", "invalid_grant"},
		} {
			var header []string
			if tt.header != "" {
				header = []string{"Authorization", tt.header}
			}
			got := h.json(h.do(http.MethodPost, PathToken, tt.body, header...))
			want(t, name, got.get("error"), tt.error)
		}
	})
}

// The library serves GET with the secret in the URL, merges URL and body, and
// takes the last of two equal parameters (oidc.md 1.4, 3.1).
func TestOIDC_1_4_1_OIDC_1_4_2_OIDC_3_1_5_TokenEndpointIsPostWithEachParameterOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("web")
		f := h.redeem("web", code)
		auth := []string{"Authorization", basic("web", secret)}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			res, _ := h.do(method, PathToken+"?"+f.Encode(), "", auth...)
			want(t, method, res.StatusCode, http.StatusMethodNotAllowed)
		}
		for name, tt := range map[string]struct {
			path, body, contentType string
		}{
			"in the URL":          {PathToken + "?" + f.Encode(), "", ""},
			"anything in the URL": {PathToken + "?x=1", f.Encode(), ""},
			"question mark":       {PathToken + "?", f.Encode(), ""},
			"code twice":          {PathToken, f.Encode() + "&code=" + code, ""},
			"grant_type twice":    {PathToken, f.Encode() + "&grant_type=refresh_token", ""},
			"unknown twice":       {PathToken, f.Encode() + "&x=1&x=1", ""},
			"JSON":                {PathToken, `{"grant_type":"authorization_code"}`, "application/json"},
			"no type":             {PathToken, f.Encode(), "x"},
			"bad escape":          {PathToken, f.Encode() + "&x=%zz", ""},
			"NUL":                 {PathToken, with(f, "code", "a\x00").Encode(), ""},
			"not UTF-8":           {PathToken, with(f, "code", "a\xff").Encode(), ""},
			"huge":                {PathToken, f.Encode() + "&x=" + strings.Repeat("a", maxForm), ""},
			"no grant_type":       {PathToken, with(f, "grant_type", "").Encode(), ""},
			"no code":             {PathToken, with(f, "code", "").Encode(), ""},
			"no redirect_uri":     {PathToken, with(f, "redirect_uri", "").Encode(), ""},
		} {
			header := auth
			if tt.contentType != "" {
				header = append([]string{"Content-Type", tt.contentType}, auth...)
			}
			got := h.json(h.do(http.MethodPost, tt.path, tt.body, header...))
			want(t, name, got.status, http.StatusBadRequest)
			want(t, name, got.get("error"), "invalid_request")
		}
		for _, grant := range []string{"password", "implicit", `"><script>`, "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer"} {
			got := h.token("web", with(f, "grant_type", grant))
			want(t, grant, got.get("error"), "unsupported_grant_type")
			want(t, grant, got.get("error_description"), "the grant_type is not supported")
		}
		got := h.token("post", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}})
		want(t, "not registered for it", got.get("error"), "unauthorized_client")
		want(t, "nothing of this burned the code", h.token("web", f).status, http.StatusOK)
		if strings.Contains(h.log.String(), `"ERROR"`) {
			t.Errorf("bad input is an error of ours: %s", h.log)
		}
	})
}

func TestOIDC_3_1_12_TokenAnswersAreNotStored(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid")
		bad := h.token("web", h.redeem("web", "nonsense"))
		info := h.userinfoOf(a.get("access_token"))
		for what, got := range map[string]answerOf{"token": a, "error": bad, "userinfo": info} {
			want(t, what, got.header.Get("Cache-Control"), "no-store")
			want(t, what, got.header.Get("Pragma"), "no-cache")
			want(t, what, strings.HasPrefix(got.header.Get("Content-Type"), "application/json"), true)
		}
	})
}

func TestOIDC_3_4_5_OIDC_3_2_2_CodeIsBound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("web")
		for _, uri := range []string{"https://web.example/cb?app=1", "https://other.example/cb", "https://web.example/cb/"} {
			want(t, uri, h.token("web", h.redeem("web", code, "redirect_uri", uri)).get("error"), "invalid_grant")
		}
		// Somebody else's client learns nothing, burns nothing, and is noted.
		got := h.token("other", with(h.redeem("web", code)))
		want(t, "another client", got.get("error"), "invalid_grant")
		want(t, "noted", h.audited(eventCodeForeign), 1)
		want(t, "still good", h.token("web", h.redeem("web", code)).status, http.StatusOK)
		// The same for refresh tokens.
		a := h.tokens("web", "openid offline_access")
		want(t, "another client's refresh token", h.useRefresh("other", a.get("refresh_token")).get("error"), "invalid_grant")
		want(t, "noted", h.audited(eventRefreshForeign), 1)
		want(t, "still good", h.useRefresh("web", a.get("refresh_token")).status, http.StatusOK)
	})
}

func TestASVS_10_4_3_CodeLivesSixtySeconds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code, late := h.code("web"), h.code("web")
		h.clock.add(59 * time.Second)
		want(t, "59 s", h.token("web", h.redeem("web", code)).status, http.StatusOK)
		h.clock.add(time.Second)
		want(t, "60 s", h.token("web", h.redeem("web", late)).get("error"), "invalid_grant")
		cfg := h.Config
		cfg.CodeLife = 61 * time.Second
		if _, err := New(t.Context(), cfg); err == nil {
			t.Error("a life of 61 seconds was accepted")
		}
	})
}

func TestASVS_10_4_2_CodeUsedTwiceRevokesTheFamily(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("web", "scope", "openid offline_access")
		a := h.token("web", h.redeem("web", code))
		want(t, "first", h.userinfoOf(a.get("access_token")).status, http.StatusOK)
		want(t, "second", h.token("web", h.redeem("web", code)).get("error"), "invalid_grant")
		want(t, "access token", h.userinfoOf(a.get("access_token")).status, http.StatusUnauthorized)
		want(t, "refresh token", h.useRefresh("web", a.get("refresh_token")).get("error"), "invalid_grant")
		h.clock.add(23 * time.Hour)
		h.token("web", h.redeem("web", code))
		want(t, "audited once", h.audited(eventCodeReplayed), 1)
	})
}

// A code that gave refresh tokens is remembered for a day, whatever is purged
// meanwhile: shown again, it still revokes what it gave.
func TestASVS_10_4_2_CodeIsRememberedWhereItsTokensLive(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code := h.code("web", "scope", "openid offline_access")
		a := h.token("web", h.redeem("web", code))
		h.clock.add(codeMemory - time.Minute)
		if _, err := h.db.Purge(t.Context(), h.clock.now(), 100); err != nil {
			t.Fatal(err)
		}
		want(t, "again", h.token("web", h.redeem("web", code)).get("error"), "invalid_grant")
		want(t, "refresh token", h.useRefresh("web", a.get("refresh_token")).get("error"), "invalid_grant")
		want(t, "audited", h.audited(eventCodeReplayed), 1)
	})
}

func TestT18_FT16_CodeInParallelSucceedsOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		f := h.redeem("web", h.code("web"))
		got := make(chan answerOf)
		for range 50 {
			go func() { got <- h.token("web", f) }()
		}
		succeeded := 0
		for range 50 {
			switch a := <-got; {
			case a.status == http.StatusOK:
				succeeded++
			case a.get("error") != "invalid_grant":
				t.Errorf("got %d %s", a.status, a.text)
			}
		}
		want(t, "succeeded", succeeded, 1)
		want(t, "audited", h.audited(eventTokensIssued), 1)
	})
}

func TestASVS_6_5_2_OIDC_3_4_4_SecretsHave256BitsAndAreStoredHashed(t *testing.T) {
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	each(t, func(t *testing.T, h *house) {
		code := h.code("web", "scope", "openid offline_access")
		a := h.token("web", h.redeem("web", code))
		for _, v := range []string{code, a.get("access_token"), a.get("refresh_token")} {
			if !form.MatchString(v) {
				t.Errorf("%q is not 32 bytes", v)
			}
		}
		if _, err := h.db.AuthRequestByCode(t.Context(), code); err == nil {
			t.Error("the code is stored in clear")
		}
		if _, err := h.db.Bearer(t.Context(), a.get("access_token"), h.clock.now()); err == nil {
			t.Error("the access token is stored in clear")
		}
		if _, err := h.db.RefreshToken(t.Context(), a.get("refresh_token")); err == nil {
			t.Error("the refresh token is stored in clear")
		}
	})
}

func TestOIDC_2_3_4_OIDC_3_4_7_IDToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.clock.add(time.Minute)
		a := h.tokens("web", "openid profile")
		id := h.claimsOf(a.get("id_token"))
		got, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		now := h.clock.now().Unix()
		for name, value := range map[string]string{
			"iss": `"` + h.url + `"`, "aud": `"web"`, "azp": `"web"`, "nonce": `"n-1"`, "acr": `"urn:iess:acr:clave"`, "amr": `["pwd"]`,
			"at_hash": `"` + atHash("ES256", a.get("access_token")) + `"`,
		} {
			want(t, name, string(id[name]), value)
		}
		for name, value := range map[string]int64{"iat": now, "exp": now + 600, "auth_time": now - 60} { // OIDC-3.4-7: no skew
			var seconds int64
			if err := json.Unmarshal(id[name], &seconds); err != nil {
				t.Fatal(err)
			}
			want(t, name, seconds, value)
		}
		if strings.Contains(string(got), "Quishpe") || strings.Contains(string(got), h.person.ID) {
			t.Errorf("the ID token tells who she is: %s", got)
		}
		if len(id["sid"]) < 20 {
			t.Errorf("sid %s", id["sid"])
		}
	})
}
