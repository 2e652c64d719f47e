package provider

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestASVS_10_3_2_ScopesDecideClaims(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		updated := h.person.UpdatedAt.Unix()
		for scope, members := range map[string]map[string]any{
			"openid": {},
			"openid profile": {
				"name": "María Fernanda Quishpe Andrade", "given_name": "María Fernanda", "family_name": "Quishpe Andrade",
				"birthdate": "1985-03-14", "updated_at": float64(updated), "locale": "es-EC",
			},
			"openid email":      {"email": "mquishpe@correo.example", "email_verified": true},
			"openid phone":      {"phone_number": "+593991234567", "phone_number_verified": false},
			"openid cedula":     {"cedula": "1759999913", "tipo_identificacion": "cedula"},
			"openid afiliacion": {"tipo_asegurado": []any{"afiliado"}, "estado_afiliacion": "activa"},
		} {
			a := h.tokens("web", scope)
			info := h.userinfoOf(a.get("access_token"))
			var got map[string]any
			if err := json.Unmarshal([]byte(info.text), &got); err != nil {
				t.Fatal(err)
			}
			if got["sub"] == "" {
				t.Errorf("%s: no sub", scope)
			}
			delete(got, "sub")
			wanted, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			is, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			want(t, scope, string(is), string(wanted))
		}
	})
}

func TestClaimsTheRegistryLacksAreLeftOut(t *testing.T) {
	all := userinfoClaims(storage.Afiliado{Kinds: []string{"afiliado", "pensionista"}}, storage.ClaveTimes{}, strings.Join(scopes(), " "), claimsRequest{})
	got := string(withClaims([]byte(`{"sub":"s"}`), all))
	want(t, "claims", got, `{"sub":"s","locale":"es-EC","tipo_asegurado":["afiliado","pensionista"]}`)
	landline := storage.ScopeClaims(storage.Afiliado{Landline: "+59322345678", PhoneVerified: true}, storage.ClaveTimes{}, []string{"phone"})
	want(t, "landline", string(withClaims([]byte(`{"sub":"s"}`), landline)), `{"sub":"s","phone_number":"+59322345678","phone_number_verified":false}`)
}

// When the clave falls due stands in the ID token and at userinfo for who may see
// the profile, and for nobody else; as a day, which tells nobody apart (S092).
func TestS092_ClaveDueAt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		due := time.Date(2026, 12, 6, 3, 14, 15, 926535000, time.UTC) // 5 December, 22h14 in Ecuador
		day := strconv.FormatInt(time.Date(2026, 12, 5, 5, 0, 0, 0, time.UTC).Unix(), 10)
		set := func(due time.Time) {
			h.inTx(func(tx *storage.Tx) error {
				return tx.SetClave(t.Context(), storage.Clave{AfiliadoID: h.person.ID, PHC: "x", CreatedAt: storage.At(h.clock.now()), DueAt: storage.At(due)}, 1)
			})
		}
		is := func(what string, a answerOf, id, info string) {
			t.Helper()
			want(t, what+": ID token", string(h.claimsOf(a.get("id_token"))["clave_due_at"]), id)
			want(t, what+": userinfo", string(h.userinfoOf(a.get("access_token")).body["clave_due_at"]), info)
		}
		is("nobody has a clave", h.tokens("web", "openid profile"), "", "")
		set(time.Time{})
		is("it never falls due", h.tokens("web", "openid profile"), "", "")
		set(due)
		a := h.tokens("web", "openid profile offline_access")
		is("profile", a, day, day)
		is("openid", h.tokens("web", "openid"), "", "")
		is("every other scope", h.tokens("web", "openid email phone cedula afiliacion offline_access"), "", "")
		is("asked for alone", h.tokens("web", "openid", "claims", `{"id_token":{"clave_due_at":null}}`), day, "")
		is("asked for at userinfo", h.tokens("web", "openid", "claims", `{"userinfo":{"clave_due_at":{"essential":true}}}`), "", day)
		is("asked for beside others", h.tokens("web", "openid profile", "claims", `{"id_token":{"clave_due_at":null,"name":null}}`), day, day)
		is("asked for by who may not see the profile", h.tokens("post", "openid", "claims", `{"id_token":{"clave_due_at":null},"userinfo":{"clave_due_at":null}}`), "", "")
		set(due.AddDate(0, 0, 10))
		later := strconv.FormatInt(time.Date(2026, 12, 15, 5, 0, 0, 0, time.UTC).Unix(), 10)
		b := h.useRefresh("web", a.get("refresh_token"))
		is("refreshed after a renewal", b, later, later)
		is("refreshed with less scope", h.useRefresh("web", b.get("refresh_token"), "scope", "openid"), "", "")
		h.Server.ClavesExpire = false
		is("claves do not expire", h.tokens("web", "openid profile"), "", "")
		_, text := h.do(http.MethodGet, "/.well-known/openid-configuration", "")
		if !strings.Contains(text, `"clave_due_at"`) {
			t.Error("discovery does not list it")
		}
	})
}

// The library ignores the claims parameter.
func TestOIDC_2_2_10_ClaimsParameter(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		param := `{"id_token":{"given_name":null,"cedula":{"essential":true},"auth_time":{"essential":true},"x":null},
			"userinfo":{"email":{"essential":true,"values":["a@b.example","mquishpe@correo.example"]},"x":{"values":[1,{}]}},"other":{"name":null}}`
		a := h.tokens("web", "openid", "claims", param)
		want(t, "scope", a.get("scope"), "openid")
		id, info := h.claimsOf(a.get("id_token")), h.userinfoOf(a.get("access_token"))
		want(t, "given_name in the ID token", string(id["given_name"]), `"María Fernanda"`)
		want(t, "cedula in the ID token", string(id["cedula"]), `"1759999913"`)
		want(t, "email in the ID token", string(id["email"]), "")
		want(t, "name in the ID token", string(id["name"]), "")
		want(t, "email at userinfo", info.get("email"), "mquishpe@correo.example")
		want(t, "given_name at userinfo", info.get("given_name"), "")
		want(t, "email_verified at userinfo", info.get("email_verified"), "")
		// "other" may not see the cédula, whatever it asks.
		b := h.tokens("other", "openid", "claims", `{"id_token":{"cedula":null,"name":null},"userinfo":{"cedula":null,"email":null}}`)
		want(t, "not registered", string(h.claimsOf(b.get("id_token"))["cedula"]), "")
		want(t, "registered", string(h.claimsOf(b.get("id_token"))["name"]), `"María Fernanda Quishpe Andrade"`)
		want(t, "not registered", h.userinfoOf(b.get("access_token")).get("cedula"), "")
		// A single claim is no scope that could be asked for.
		c := h.authorize(h.request("web", "scope", "openid claim:cedula"))
		d := h.token("web", h.redeem("web", c.Get("code")))
		want(t, "claim: as a scope", h.userinfoOf(d.get("access_token")).get("cedula"), "")
		many := `{"userinfo":{"x0":null` + strings.Repeat(`,"x%d":null`, maxClaims) + `}}`
		for n := range maxClaims {
			many = strings.Replace(many, "%d", strconv.Itoa(n+1), 1)
		}
		want(t, "more than anybody asks", h.authorize(h.request("web", "claims", many)).Get("error"), "invalid_request")
		// Refreshed ID tokens keep them.
		e := h.tokens("web", "openid offline_access", "claims", param)
		f := h.useRefresh("web", e.get("refresh_token"))
		want(t, "after refresh", string(h.claimsOf(f.get("id_token"))["cedula"]), `"1759999913"`)
	})
}

func TestClaimsParameterSteersTheSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.wait = true
		h.do(http.MethodGet, PathAuthorize+"?"+h.request("web", "acr_values", "urn:iess:acr:none urn:iess:acr:clave",
			"claims", `{"id_token":{"acr":{"essential":true,"values":["urn:iess:acr:none","urn:iess:acr:clave15"]},"sub":{"value":"abc"}}}`).Encode(), "")
		p := h.pending.Params
		if !slices.Equal(p.ACRValues, []string{"urn:iess:acr:clave15"}) || !p.ACREssential || p.HintedSub != "abc" {
			t.Errorf("got %+v", p)
		}
		h.do(http.MethodGet, PathAuthorize+"?"+h.request("ed").Encode(), "")
		p = h.pending.Params
		if !slices.Equal(p.ACRValues, []string{"urn:iess:acr:clave15"}) || p.ACREssential || p.MaxAge == nil || *p.MaxAge != 600 {
			t.Errorf("defaults of the client: got %+v", p)
		}
	})
}

// bearerChallenge is what goes with every 401 that had a token.
const bearerChallenge = `Bearer realm="clave", error="invalid_token"`

// The library takes a token from the URL, and names no scheme in a 401.
func TestOIDC_3_1_8_OIDC_3_1_9_OIDC_2_3_2_OIDC_3_4_12_Bearer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		access := h.tokens("web", "openid").get("access_token")
		bearer := "Bearer " + access
		for name, tt := range map[string]struct {
			method, path, body string
			header             []string
			status             int
			challenge          string
		}{
			"header":            {http.MethodGet, PathUserinfo, "", []string{"Authorization", bearer}, 200, ""},
			"lower case":        {http.MethodGet, PathUserinfo, "", []string{"Authorization", "bearer " + access}, 200, ""},
			"POST, header":      {http.MethodPost, PathUserinfo, "", []string{"Authorization", bearer}, 200, ""},
			"POST, form":        {http.MethodPost, PathUserinfo, "access_token=" + access, nil, 200, ""},
			"POST, empty JSON":  {http.MethodPost, PathUserinfo, "{}", []string{"Authorization", bearer, "Content-Type", "application/json"}, 200, ""},
			"URL":               {http.MethodGet, PathUserinfo + "?access_token=" + access, "", nil, 400, `Bearer realm="clave", error="invalid_request"`},
			"URL, POST":         {http.MethodPost, PathUserinfo + "?access_token=" + access, "", nil, 400, `Bearer realm="clave", error="invalid_request"`},
			"URL and header":    {http.MethodGet, PathUserinfo + "?access_token=x", "", []string{"Authorization", bearer}, 400, `Bearer realm="clave", error="invalid_request"`},
			"form and header":   {http.MethodPost, PathUserinfo, "access_token=" + access, []string{"Authorization", bearer}, 400, `Bearer realm="clave", error="invalid_request"`},
			"twice in the form": {http.MethodPost, PathUserinfo, "access_token=" + access + "&access_token=" + access, nil, 400, `Bearer realm="clave", error="invalid_request"`},
			"nothing":           {http.MethodGet, PathUserinfo, "", nil, 401, `Bearer realm="clave"`},
			"another scheme":    {http.MethodGet, PathUserinfo, "", []string{"Authorization", basic("web", secret)}, 401, bearerChallenge},
			"only the scheme":   {http.MethodGet, PathUserinfo, "", []string{"Authorization", "Bearer"}, 401, bearerChallenge},
			"unknown":           {http.MethodGet, PathUserinfo, "", []string{"Authorization", "Bearer " + storage.Hash(access)}, 401, bearerChallenge},
			"cut":               {http.MethodGet, PathUserinfo, "", []string{"Authorization", bearer[:len(bearer)-1]}, 401, bearerChallenge},
			"longer":            {http.MethodGet, PathUserinfo, "", []string{"Authorization", bearer + "A"}, 401, bearerChallenge},
			"huge":              {http.MethodGet, PathUserinfo, "", []string{"Authorization", "Bearer " + strings.Repeat("a", 5000)}, 401, bearerChallenge},
			"PUT":               {http.MethodPut, PathUserinfo, "", []string{"Authorization", bearer}, 405, ""},
		} {
			got, text := h.do(tt.method, tt.path, tt.body, tt.header...)
			want(t, name, got.StatusCode, tt.status)
			want(t, name+": challenge", got.Header.Get("WWW-Authenticate"), tt.challenge)
			if strings.Contains(text, access) {
				t.Errorf("%s: the token is echoed", name)
			}
		}
		a := h.json(h.do(http.MethodGet, PathUserinfo, "", "Authorization", "Bearer nonsense"))
		want(t, "error", a.get("error"), "invalid_token")
		h.clock.add(10 * time.Minute)
		want(t, "expired", h.userinfoOf(access).status, http.StatusUnauthorized)
	})
}

func TestT09_DisablingAnApplicationStopsItWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		h.inTx(func(tx *storage.Tx) error { return DisableClient(t.Context(), tx, "web", "test", h.clock.now()) })
		h.clock.add(time.Second)
		want(t, "userinfo", h.userinfoOf(a.get("access_token")).status, http.StatusUnauthorized)
		want(t, "refresh", h.useRefresh("web", a.get("refresh_token")).get("error"), "invalid_client")
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web").Encode(), "")
		want(t, "authorize", res.StatusCode, http.StatusBadRequest)
		want(t, "audited", h.audited(eventClientDisabled), 1)
	})
}

func TestBCP_4_15_SubIsOpaqueAndPairwise(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sub := func(client string) string {
			return string(h.claimsOf(h.tokens(client, "openid").get("id_token"))["sub"])
		}
		web, other := sub("web"), sub("other")
		want(t, "stable", sub("web"), web)
		if web == other {
			t.Error("two sectors know her by one sub")
		}
		if strings.Contains(web, h.person.ID) || strings.Contains(web, string(h.person.Identifier)) {
			t.Errorf("sub %s is not opaque", web)
		}
		h.signIn(h.addPerson("0959999913"))
		if sub("web") == web {
			t.Error("two people share a sub")
		}
		_, err := ParseClients([]byte(`[{"client_id":` + web + `,"client_name":"X","client_secret":"` + secret + `","redirect_uris":["https://x.example/"]}]`))
		if err == nil {
			t.Error("an application may be called like a person's sub")
		}
	})
}

func TestSectors(t *testing.T) {
	for _, tt := range []struct{ subject, sector, redirect, want string }{
		{"pairwise", "", "https://app.example/cb", "host:app.example"},
		{"pairwise", "", "https://App.Example:8443/cb", "host:app.example"},
		{"pairwise", "https://sector.example/uris.json", "https://app.example/cb", "host:sector.example"},
		{"pairwise", "", "http://localhost:8081/cb", "client:c"},
		{"pairwise", "", "http://127.0.0.1:8081/cb", "client:c"},
		{"pairwise", "", "ec.gob.iess.movil:/cb", "client:c"},
		{"public", "", "https://app.example/cb", "public:"},
	} {
		c := storage.Client{ID: "c", Metadata: storage.ClientMetadata{SubjectType: tt.subject, SectorIdentifier: tt.sector, RedirectURIs: []string{tt.redirect}}}
		want(t, tt.redirect, c.Sector(), tt.want)
	}
}
