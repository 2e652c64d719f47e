package provider

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// The application learns what is wrong by redirect, in fixed words, with state
// and iss (oidc.md 3.1: the library's legacy router answers JSON; 3.4: its
// descriptions hold quotes and the text of Go errors).
func TestOIDC_3_1_6_ErrorsOfAuthorizeRedirect(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, tt := range []struct{ client, name, value, want string }{
			{"web", "response_type", "", "invalid_request"},
			{"web", "response_type", "token", "unsupported_response_type"},
			{"web", "response_type", "code id_token", "unsupported_response_type"},
			{"web", "response_type", "none", "unsupported_response_type"},
			{"web", "response_mode", "web_message", "invalid_request"},
			{"web", "scope", "profile", "invalid_scope"},
			{"web", "scope", "", "invalid_scope"},
			{"web", "request", "eyJhbGciOiJub25lIn0.e30.", "invalid_request_object"},
			{"web", "request_uri", "https://web.example/r", "request_uri_not_supported"},
			{"web", "registration", "{}", "registration_not_supported"},
			{"web", "code_challenge", "", "invalid_request"},
			{"web", "code_challenge", "short", "invalid_request"},
			{"web", "code_challenge", strings.Repeat("+", 43), "invalid_request"},
			{"web", "code_challenge_method", "", "invalid_request"},
			{"web", "code_challenge_method", "plain", "invalid_request"},
			{"web", "code_challenge_method", "s256", "invalid_request"},
			{"legacy", "code_challenge", "", "invalid_request"},        // a method alone
			{"legacy", "code_challenge_method", "", "invalid_request"}, // would mean plain
			{"web", "prompt", "none login", "invalid_request"},
			{"web", "prompt", "create", "invalid_request"},
			{"web", "max_age", "-1", "invalid_request"},
			{"web", "max_age", "+5", "invalid_request"},
			{"web", "max_age", "1e3", "invalid_request"},
			{"web", "max_age", "cinco", "invalid_request"},
			{"web", "claims", "{", "invalid_request"},
			{"web", "claims", "[]", "invalid_request"},
			{"web", "claims", "null", "invalid_request"},
			{"web", "claims", `{"id_token":{"name":5}}`, "invalid_request"},
			{"web", "claims", `{"id_token":{},"id_token":{}}`, "invalid_request"},
			{"web", "claims", `{"id_token":{"acr":{"essential":true,"values":["urn:iess:acr:none"]}}}`, "unmet_authentication_requirements"},
			{"web", "claims", strings.Repeat("[", 200), "invalid_request"},
			{"web", "id_token_hint", "not.a.jwt", "invalid_request"},
			{"web", "nonce", strings.Repeat("n", 513), "invalid_request"},
			{"web", "login_hint", "a\x00b", "invalid_request"},
			{"web", "login_hint", "\xff\xfe", "invalid_request"},
			{"web", "state", "line\nbreak", "invalid_request"},
			{"web", "claims", `{"id_token":{"acr":{"values":["a\u0000"]}}}`, "invalid_request"},
		} {
			got := h.authorize(h.request(tt.client, tt.name, tt.value))
			what := tt.name + "=" + tt.value[:min(len(tt.value), 30)]
			want(t, what, got.Get("error"), tt.want)
			if tt.name != "state" {
				want(t, what+": state", got.Get("state"), "s t&te")
			}
			want(t, what+": iss", got.Get("iss"), h.url)
			if d := got.Get("error_description"); d == "" || speakable(d) != d {
				t.Errorf("%s: description %q", what, d)
			}
			if strings.Contains(got.Encode(), "code=") {
				t.Errorf("%s: a code with an error: %v", what, got)
			}
		}
		want(t, "requests stored", h.audited(eventGranted), 0)
	})
}

// The library reports max_age=-1 with the parser's own words, to nobody.
func TestOIDC_2_2_6_MaxAge(t *testing.T) {
	web := storage.Client{ID: "web", Metadata: storage.ClientMetadata{PKCE: "optional"}}
	age := int64(600)
	for _, tt := range []struct {
		raw      string
		standard *int64
		want     int64 // -1: none
		bad      bool
	}{
		{raw: "", want: -1},
		{raw: "", standard: &age, want: 600},
		{raw: "0", standard: &age, want: 0},
		{raw: "10000", want: 10000},
		{raw: "9223372036854775807", want: maxMaxAge},
		{raw: "99999999999999999999", bad: true},
		{raw: "-1", bad: true},
		{raw: "5.0", bad: true},
	} {
		c := web
		c.Metadata.DefaultMaxAge = tt.standard
		var p storage.AuthParams
		err := readPrompt(&p, &c, form{"max_age": {tt.raw}})
		want(t, tt.raw+" refused", err != nil, tt.bad)
		if err != nil {
			want(t, "description", err.description, "max_age must be a whole number of seconds")
			continue
		}
		got := int64(-1)
		if p.MaxAge != nil {
			got = *p.MaxAge
		}
		want(t, "max_age "+tt.raw, got, tt.want)
	}
}

func TestOIDC_2_2_5_Prompt(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want []string
		bad  bool
	}{
		{"", nil, false},
		{"none", []string{"none"}, false},
		{"login consent login", []string{"login", "consent"}, false},
		{"select_account", []string{"select_account"}, false},
		{"none none", []string{"none"}, false},
		{"none consent", nil, true},
		{"Login", nil, true},
		{"register", nil, true},
	} {
		var p storage.AuthParams
		err := readPrompt(&p, &storage.Client{}, form{"prompt": {tt.raw}})
		want(t, tt.raw+" refused", err != nil, tt.bad)
		if err == nil && !slices.Equal(p.Prompt, tt.want) {
			t.Errorf("prompt %q: got %q, want %q", tt.raw, p.Prompt, tt.want)
		}
	}
}

// The library accepts a parameter twice and takes the last one.
func TestRepeatedParametersAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		q := h.request("web")
		for _, name := range []string{"state", "scope", "response_type", "response_mode", "nonce", "prompt", "x"} {
			res, _ := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode()+"&"+name+"=a&"+name+"=a", "")
			u, err := url.Parse(res.Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			want(t, name+" twice", u.Query().Get("error"), "invalid_request")
			if name == "state" {
				want(t, "which state is meant is unknown", u.Query().Get("state"), "")
			}
		}
		for _, name := range []string{"client_id", "redirect_uri"} {
			res, _ := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode()+"&"+name+"="+url.QueryEscape(q.Get(name)), "")
			want(t, name+" twice", res.StatusCode, http.StatusBadRequest)
			want(t, name+" twice: redirect", res.Header.Get("Location"), "")
		}
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode()+"&resource="+url.QueryEscape(h.url)+"&resource="+url.QueryEscape(h.url), "")
		want(t, "resource may repeat", strings.Contains(res.Header.Get("Location"), "code="), true)
	})
}

func TestOIDC_3_1_7_BCP_4_1_3_UnknownClientGetsAPage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for name, q := range map[string]url.Values{
			"unknown client":            h.request("web", "client_id", "nobody"),
			"no client":                 h.request("web", "client_id", ""),
			"client with NUL":           h.request("web", "client_id", "web\x00"),
			"client not UTF-8":          h.request("web", "client_id", "\xff"),
			"huge client":               h.request("web", "client_id", strings.Repeat("w", 5000)),
			"unregistered redirect_uri": h.request("web", "redirect_uri", "https://evil.example/cb"),
			"no redirect_uri":           h.request("web", "redirect_uri", ""),
			"another client's":          h.request("web", "redirect_uri", "https://other.example/cb"),
		} {
			res, body := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "")
			want(t, name, res.StatusCode, http.StatusBadRequest)
			want(t, name+": type", res.Header.Get("Content-Type"), "text/html; charset=utf-8")
			want(t, name+": redirect", res.Header.Get("Location"), "")
			want(t, name+": request id", strings.Contains(body, "requ est-"), true) // its beginning, to be read out
		}
		for name, tt := range map[string]struct {
			method, path, body string
			header             []string
			status             int
		}{
			"bad escape":    {http.MethodGet, PathAuthorize + "?client_id=%zz", "", nil, http.StatusBadRequest},
			"huge query":    {http.MethodGet, PathAuthorize + "?x=" + strings.Repeat("a", maxQuery), "", nil, http.StatusRequestEntityTooLarge},
			"huge body":     {http.MethodPost, PathAuthorize, "x=" + strings.Repeat("a", maxForm), nil, http.StatusRequestEntityTooLarge},
			"no form":       {http.MethodPost, PathAuthorize, "{}", []string{"Content-Type", "application/json"}, http.StatusBadRequest},
			"query in POST": {http.MethodPost, PathAuthorize + "?client_id=web", "", nil, http.StatusBadRequest},
		} {
			res, _ := h.do(tt.method, tt.path, tt.body, tt.header...)
			want(t, name, res.StatusCode, tt.status)
			want(t, name+": redirect", res.Header.Get("Location"), "")
		}
		if strings.Contains(h.log.String(), "panic") || strings.Contains(h.log.String(), `"ERROR"`) {
			t.Errorf("bad input is an error of ours: %s", h.log)
		}
	})
}

// The library sends errors of form_post as a query, and takes unknown modes for
// one.
func TestOIDC_2_2_3_ResponseModes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, prompt := range []string{"", "create"} {
			name := map[bool]string{true: "code", false: "error"}[prompt == ""]
			for mode, prefix := range map[string]string{"": "https://web.example/cb?" + name + "=", "query": "https://web.example/cb?" + name + "=", "fragment": "https://web.example/cb#" + name + "="} {
				res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web", "response_mode", mode, "prompt", prompt).Encode(), "")
				want(t, "status", res.StatusCode, http.StatusSeeOther)
				if got := res.Header.Get("Location"); !strings.HasPrefix(got, prefix) || !strings.HasSuffix(got, "state=s+t%26te&iss="+url.QueryEscape(h.url)) {
					t.Errorf("mode %q prompt %q: got %s", mode, prompt, got)
				}
			}
			res, body := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web", "response_mode", "form_post", "prompt", prompt).Encode(), "")
			want(t, "form_post", res.StatusCode, http.StatusOK)
			want(t, "form_post: redirect", res.Header.Get("Location"), "")
			for _, part := range []string{`action="https://web.example/cb"`, `name="` + name + `"`, `name="state" value="s t&amp;te"`, `name="iss" value="` + h.url + `"`} {
				if !strings.Contains(body, part) {
					t.Errorf("form_post: no %s in %s", part, body)
				}
			}
			if csp := res.Header.Get("Content-Security-Policy"); csp != "form-action 'self' https://web.example" {
				t.Errorf("form_post: policy %q", csp)
			}
		}
		// A registered query stays as it is.
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web", "redirect_uri", "https://web.example/cb?app=1").Encode(), "")
		if got := res.Header.Get("Location"); !strings.HasPrefix(got, "https://web.example/cb?app=1&code=") {
			t.Errorf("got %s", got)
		}
		// A scheme of a native application survives the form's template.
		_, body := h.do(http.MethodGet, PathAuthorize+"?"+h.request("mobile", "response_mode", "form_post", "redirect_uri", "ec.gob.iess.movil:/cb").Encode(), "")
		want(t, "custom scheme", strings.Contains(body, `action="ec.gob.iess.movil:/cb"`), true)
	})
}

func TestBCP_4_4_2_EveryAnswerNamesItsIssuer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		want(t, "code", h.authorize(h.request("web")).Get("iss"), h.url)
		h.session = nil
		got := h.authorize(h.request("web", "state", ""))
		want(t, "denied", got.Get("error"), "login_required")
		want(t, "denied: iss", got.Get("iss"), h.url)
		_, echoed := got["state"]
		want(t, "no state, none back", echoed, false)
	})
}

// Whoever asks in no session leaves nothing that is kept for ever; of somebody
// signed in the audit says to whom it was denied.
func TestDenialOfNobodyIsNotAudited(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		hint := h.tokens("web", "openid").get("id_token")
		before := h.auditRows()
		h.session = nil
		for range 3 {
			want(t, "denied", h.authorize(h.request("web", "prompt", "none")).Get("error"), "login_required")
		}
		want(t, "rows of nobody", h.auditRows()-before, 0)
		if log := h.log.String(); !strings.Contains(log, `"msg":"authorization denied","request_id":"request-1","client_id":"web","code":"login_required"`) {
			t.Errorf("the log does not tell of it: %s", log)
		}
		h.signIn(h.addPerson("0959999913"))
		want(t, "another than hinted", h.authorize(h.request("web", "id_token_hint", hint)).Get("error"), "login_required")
		rows, err := h.db.AuditRows(t.Context(), 0, 10000)
		if err != nil {
			t.Fatal(err)
		}
		last := rows[len(rows)-1]
		want(t, "event", last.Event, eventDenied)
		want(t, "whom", last.AfiliadoID, h.session.AfiliadoID)
	})
}

// POST from another site is a request like any other, answered by 303: with 307
// the browser would hand a form on. It begins anew as a GET, for browsers leave
// our cookies out of such a form.
func TestBCP_4_12_PostIsAnsweredBy303(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		q := h.request("web").Encode()
		res, _ := h.do(http.MethodPost, PathAuthorize, q, "Origin", "https://web.example", "Sec-Fetch-Site", "cross-site")
		want(t, "as a GET", res.StatusCode, http.StatusSeeOther)
		want(t, "as a GET", res.Header.Get("Location"), PathAuthorize+"?"+q)
		want(t, "nothing done yet", h.audited(eventGranted), 0)
		res, _ = h.do(http.MethodPost, PathAuthorize, q+"&x="+strings.Repeat("a", maxQuery), "Origin", "https://web.example")
		want(t, "too long for an address", strings.Contains(res.Header.Get("Location"), "code="), true)
		res, _ = h.do(http.MethodPost, PathAuthorize, q, "Origin", h.url)
		want(t, "status", res.StatusCode, http.StatusSeeOther)
		want(t, "code", strings.Contains(res.Header.Get("Location"), "code="), true)
		want(t, "stored", res.Header.Get("Cache-Control"), "no-store")
	})
}

func TestOIDC_3_3_2_RequestIsFinishedOnceAndLivesTenMinutes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.wait = true
		q := h.request("web", "login_hint", "1759999913", "ui_locales", "en es", "display", "page")
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "")
		want(t, "to the login page", strings.HasPrefix(res.Header.Get("Location"), "/ingresar?id="), true)
		req := h.pending
		stored, err := h.db.AuthRequest(t.Context(), req.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "login_hint", stored.Params.LoginHint, "1759999913")
		want(t, "ui_locales", stored.Params.UILocales, "en es")
		want(t, "life", req.ExpiresAt.Sub(req.CreatedAt.Time), 10*time.Minute)
		want(t, "bound to the browser", req.BrowserHash, "browser")
		finish := func() error {
			return h.db.InTx(t.Context(), func(tx *storage.Tx) error {
				locked, err := tx.LockAuthRequest(t.Context(), req.ID)
				if err != nil {
					return err
				}
				_, err = h.Grant(t.Context(), tx, locked, h.session)
				return err
			})
		}
		want(t, "first", finish(), nil)
		if err := finish(); err == nil { // the library gives two valid codes (oidc.md 3.1)
			t.Error("a request was finished twice")
		}
		h.do(http.MethodGet, PathAuthorize+"?"+h.request("web").Encode(), "")
		req = h.pending
		h.clock.add(10 * time.Minute)
		if err := finish(); err == nil {
			t.Error("a request was finished after its end")
		}
	})
}

func TestOIDC_3_1_11_TwoFinishesOneCode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.wait = true
		h.do(http.MethodGet, PathAuthorize+"?"+h.request("web").Encode(), "")
		req := *h.pending
		got := make(chan error)
		for range 20 {
			go func() {
				got <- h.db.InTx(t.Context(), func(tx *storage.Tx) error {
					_, err := h.Grant(t.Context(), tx, &req, h.session)
					return err
				})
			}()
		}
		finished := 0
		for range 20 {
			if err := <-got; err == nil {
				finished++
			}
		}
		want(t, "finished", finished, 1)
		want(t, "audited", h.audited(eventGranted), 1)
	})
}

// The library ignores request_uri and, where its provider is not told otherwise,
// takes unsigned words for signed ones.
func TestOIDC_2_2_12_RequestObjectsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for name, code := range map[string]string{"request": "invalid_request_object", "request_uri": "request_uri_not_supported"} {
			for _, value := range []string{"x", "https://web.example/r", "urn:ietf:params:oauth:x", "eyJhbGciOiJub25lIn0.e30."} {
				got := h.authorize(h.request("web", name, value))
				want(t, name+" "+value, got.Get("error"), code)
				want(t, name+" "+value, got.Get("code"), "")
			}
		}
		want(t, "without a value it is absent", h.authorize(h.request("web")).Has("code"), true)
		res, _ := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web").Encode()+"&request=&request_uri=", "")
		want(t, "without a value it is absent", strings.Contains(res.Header.Get("Location"), "code="), true)
	})
}

func TestOIDC_3_4_2_DescriptionsHoldOnlyAllowedCharacters(t *testing.T) {
	allowed := regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`) // RFC 6749 appendix A.8
	for _, code := range []string{"access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required", "unmet_authentication_requirements", "x"} {
		if d := denial(code); !allowed.MatchString(d) {
			t.Errorf("%s: %q", code, d)
		}
	}
	for _, bad := range []string{`a "quote"`, `back\slash`, "línea", "new\nline"} {
		want(t, bad, speakable(bad), "")
	}
}
