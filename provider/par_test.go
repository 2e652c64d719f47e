package provider

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// push hands f in as client and returns the answer.
func (h *house) push(client string, f url.Values, header ...string) answerOf {
	h.t.Helper()
	c, err := h.db.Client(h.t.Context(), client)
	if err != nil {
		h.t.Fatal(err)
	}
	switch c.Metadata.TokenEndpointAuthMethod {
	case "client_secret_basic":
		header = append(header, "Authorization", basic(client, secret))
	case "client_secret_post":
		f = with(f, "client_secret", secret)
	}
	return h.json(h.do(http.MethodPost, PathPush, f.Encode(), header...))
}

// pushed hands in a good request of client and returns its request_uri.
func (h *house) pushed(client string, pairs ...string) string {
	h.t.Helper()
	a := h.push(client, h.request(client, pairs...))
	if a.status != http.StatusCreated {
		h.t.Fatalf("push: got %d %s", a.status, a.text)
	}
	return a.get("request_uri")
}

// visit brings a request_uri and returns the answer.
func (h *house) visit(client, uri string, pairs ...string) *http.Response {
	h.t.Helper()
	res, _ := h.do(http.MethodGet, PathAuthorize+"?"+with(url.Values{"client_id": {client}, "request_uri": {uri}}, pairs...).Encode(), "")
	return res
}

func location(t *testing.T, res *http.Response) url.Values {
	t.Helper()
	u, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestRFC9126_PushedRequestBringsTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.push("web", h.request("web", "scope", "openid profile", "state", "pushed state"))
		want(t, "status", a.status, http.StatusCreated)
		want(t, "expires_in", a.get("expires_in"), "90")
		want(t, "stored by others", a.header.Get("Cache-Control"), "no-store")
		uri := a.get("request_uri")
		if !strings.HasPrefix(uri, pushedPrefix) || len(uri) != len(pushedPrefix)+43 {
			t.Errorf("request_uri %q: want 256 bits after the prefix", uri)
		}
		got := location(t, h.visit("web", uri))
		want(t, "state", got.Get("state"), "pushed state")
		want(t, "iss", got.Get("iss"), h.url)
		tokens := h.token("web", h.redeem("web", got.Get("code")))
		want(t, "scope", tokens.get("scope"), "openid profile")
	})
}

// Nothing of the URL counts beside what was pushed (RFC 9126 section 4, RFC 9101
// section 5).
func TestRFC9126_4_OnlyWhatWasPushedCounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for name, pairs := range map[string][]string{
			"another redirect_uri": {"redirect_uri", "https://evil.example/cb"},
			"another scope":        {"scope", "openid profile cedula"},
			"another state":        {"state", "changed"},
			"another mode":         {"response_mode", "fragment"},
			"another challenge":    {"code_challenge", strings.Repeat("x", 43)},
			"what none would take": {"prompt", "create", "request", "x"},
		} {
			res := h.visit("web", h.pushed("web", "state", "s"), pairs...)
			got := location(t, res)
			want(t, name+": state", got.Get("state"), "s")
			want(t, name+": where", strings.HasPrefix(res.Header.Get("Location"), "https://web.example/cb?code="), true)
			a := h.token("web", h.redeem("web", got.Get("code")))
			want(t, name+": scope", a.get("scope"), "openid")
		}
		uri := h.pushed("web")
		res, _ := h.do(http.MethodGet, PathAuthorize+"?client_id=web&state=a&state=b&request_uri="+url.QueryEscape(uri), "")
		want(t, "ignored ones may be nonsense", location(t, res).Get("code") != "", true)
	})
}

// Prefetching browsers come twice; the second visit must not end in an error
// before the person has done anything (FAPI 2.0 section 5.3.2.2, E12).
func TestFAPI_E12_RequestURIIsSpentByCompletionNotByAVisit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.wait = true
		uri := h.pushed("web")
		var visits []*storage.AuthRequest
		for range 3 {
			res := h.visit("web", uri)
			want(t, "to the login page", strings.HasPrefix(res.Header.Get("Location"), "/ingresar?id="), true)
			visits = append(visits, h.pending)
		}
		h.clock.add(5 * time.Minute) // she reads her mail first
		finish := func(req *storage.AuthRequest, end func(context.Context, *storage.Tx, *storage.AuthRequest) (http.Handler, error)) *http.Response {
			var answer http.Handler
			h.inTx(func(tx *storage.Tx) error {
				locked, err := tx.LockAuthRequest(t.Context(), req.ID)
				if err != nil {
					return err
				}
				answer, err = end(t.Context(), tx, locked)
				return err
			})
			return served(t, answer)
		}
		grant := func(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest) (http.Handler, error) {
			return h.Grant(ctx, tx, req, h.session)
		}
		deny := func(ctx context.Context, tx *storage.Tx, req *storage.AuthRequest) (http.Handler, error) {
			return h.Deny(ctx, tx, req, "access_denied", "")
		}
		want(t, "first", location(t, finish(visits[1], grant)).Get("code") != "", true)
		for _, again := range []*http.Response{finish(visits[0], grant), finish(visits[2], deny), h.visit("web", uri)} {
			want(t, "after completion", again.StatusCode, http.StatusBadRequest)
			want(t, "after completion: redirect", again.Header.Get("Location"), "")
		}
		uri = h.pushed("web")
		h.visit("web", uri)
		want(t, "refused", location(t, finish(h.pending, deny)).Get("error"), "access_denied")
		want(t, "after a refusal", h.visit("web", uri).StatusCode, http.StatusBadRequest)
		want(t, "codes", h.audited(eventGranted), 1)
	})
}

func TestT18_RFC9126_FiftyCompletionsOneCode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.wait = true
		uri := h.pushed("web")
		const n = 50
		var visits []storage.AuthRequest
		for range n {
			h.visit("web", uri)
			visits = append(visits, *h.pending)
		}
		got := make(chan bool, n)
		for _, req := range visits {
			go func() {
				err := h.db.InTx(context.Background(), func(tx *storage.Tx) error {
					_, err := h.Grant(context.Background(), tx, &req, h.session)
					return err
				})
				got <- err == nil && !req.CompletedAt.IsZero()
			}()
		}
		codes := 0
		for range n {
			if <-got {
				codes++
			}
		}
		want(t, "codes", codes, 1)
		want(t, "audited", h.audited(eventGranted), 1)
	})
}

func TestRFC9126_2_2_RequestURIIsBoundAndExpires(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		uri := h.pushed("web")
		for name, res := range map[string]*http.Response{
			"another client's": h.visit("other", uri),
			"unknown":          h.visit("web", pushedPrefix+storage.NewSecret()),
			"without its end":  h.visit("web", uri[:len(uri)-1]),
			"only the prefix":  h.visit("web", pushedPrefix),
		} {
			want(t, name, res.StatusCode, http.StatusBadRequest)
			want(t, name+": redirect", res.Header.Get("Location"), "")
			want(t, name+": a page", res.Header.Get("Content-Type"), "text/html; charset=utf-8")
		}
		want(t, "spent by none of these", h.visit("web", uri).StatusCode, http.StatusSeeOther)
		uri = h.pushed("web")
		h.clock.add(pushedLife - time.Second)
		h.wait = true
		want(t, "in time", h.visit("web", uri).StatusCode, http.StatusSeeOther)
		h.clock.add(time.Second)
		want(t, "too late", h.visit("web", uri).StatusCode, http.StatusBadRequest)
	})
}

// What the authorization endpoint refuses is refused here, before any browser is
// sent (RFC 9126 section 2.3), and nobody unknown writes a row.
func TestRFC9126_2_1_PushIsCheckedAndAuthenticated(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, tt := range []struct{ name, value, want string }{
			{"request_uri", "https://web.example/r", "invalid_request"},
			{"request_uri", pushedPrefix + "x", "invalid_request"},
			{"redirect_uri", "", "invalid_request"},
			{"redirect_uri", "https://evil.example/cb", "invalid_request"},
			{"response_type", "", "invalid_request"},
			{"response_type", "code id_token", "unsupported_response_type"},
			{"response_mode", "x", "invalid_request"},
			{"scope", "profile", "invalid_scope"},
			{"code_challenge", "", "invalid_request"},
			{"code_challenge_method", "plain", "invalid_request"},
			{"prompt", "none login", "invalid_request"},
			{"claims", "[]", "invalid_request"},
			{"id_token_hint", "a.b.c", "invalid_request"},
			{"registration", "{}", "registration_not_supported"},
			{"client_id", "other", "invalid_request"},
		} {
			a := h.push("web", h.request("web", tt.name, tt.value))
			want(t, tt.name+"="+tt.value, a.status, http.StatusBadRequest)
			want(t, tt.name+"="+tt.value, a.get("error"), tt.want)
			if d := a.get("error_description"); d == "" || speakable(d) != d {
				t.Errorf("%s: description %q", tt.name, d)
			}
		}
		q := h.request("web", "client_id", "").Encode()
		for name, header := range map[string][]string{
			"nobody":       nil,
			"wrong secret": {"Authorization", basic("web", "x"+secret)},
			"unknown":      {"Authorization", basic("nobody", secret)},
		} {
			a := h.json(h.do(http.MethodPost, PathPush, q, append(header, "DPoP", "x")...))
			want(t, name, a.status, http.StatusUnauthorized)
			want(t, name, a.get("error"), "invalid_client")
			want(t, name+": the nonce to use", a.header.Get("DPoP-Nonce"), h.nonce(h.clock.now()))
			want(t, name, a.header.Get("WWW-Authenticate"), `Basic realm="clave"`)
		}
		a := h.json(h.do(http.MethodPost, PathPush, h.request("mobile").Encode()))
		want(t, "a client without secret", a.get("error"), "unauthorized_client")
		auth := []string{"Authorization", basic("web", secret)}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
			res, _ := h.do(method, PathPush+"?"+q, "", auth...)
			want(t, method, res.StatusCode, http.StatusMethodNotAllowed)
		}
		for name, path := range map[string]string{"in the URL": PathPush + "?" + q, "question mark": PathPush + "?"} {
			want(t, name, h.json(h.do(http.MethodPost, path, q, auth...)).get("error"), "invalid_request")
		}
		want(t, "twice", h.json(h.do(http.MethodPost, PathPush, q+"&state=x", auth...)).get("error"), "invalid_request")
		key := h.machines()
		assertion := func() string { return key.sign(t, "JWT", h.assertionClaims("service")) }
		for name, tt := range map[string]struct {
			f      url.Values
			header []string
		}{
			"assertion and secret": {asserted(with(h.request("web"), "client_id", "service", "client_secret", secret), assertion()), nil},
			"header and secret":    {h.request("web", "client_secret", secret), auth},
			"assertion and header": {asserted(with(h.request("web"), "client_id", "service"), assertion()), auth},
		} {
			a := h.json(h.do(http.MethodPost, PathPush, tt.f.Encode(), tt.header...))
			want(t, name, a.get("error_description"), "client authentication must not use more than one method")
		}
		n, err := h.db.Purge(t.Context(), h.clock.now().Add(48*time.Hour), 100)
		want(t, "rows left behind, beside the session", n, int64(1))
		want(t, "purge", err, nil)
	})
}

func TestRFC9126_6_ASVS_10_4_13_WhoPromisedToPushMust(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.apply(`[{"client_id":"push","client_secret":"` + secret + `","client_name":"Push","redirect_uris":["https://push.example/cb"],"require_pushed_authorization_requests":true}]`)
		h.clock.add(time.Second)
		got := h.authorize(h.request("push"))
		want(t, "not pushed", got.Get("error"), "invalid_request")
		want(t, "not pushed: state", got.Get("state"), "s t&te")
		want(t, "pushed", location(t, h.visit("push", h.pushed("push"))).Get("code") != "", true)
	})
}

func TestT10_RFC9126_NoHostileRedirectIsPushedOrSigned(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Open(t, "sqlite")) // nothing of it depends on the database
	key := h.signing()
	for _, uri := range hostile("https://web.example/cb") {
		q := h.request("web")
		q.Set("redirect_uri", uri)
		if a := h.push("web", q); a.status != http.StatusBadRequest || a.get("request_uri") != "" {
			t.Errorf("%q: got %d %s", uri, a.status, a.text)
		}
		token := key.sign(t, requestType(), h.objectClaims("signs", "redirect_uri", uri))
		res := h.visitQuery(url.Values{"client_id": {"signs"}, "request": {token}})
		if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" {
			t.Errorf("%q, signed: got %d to %q", uri, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// A redirect URI that is registered no more is not followed, pushed or not.
func TestRFC9126_RedirectIsCheckedAgainAtTheVisit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		uri := h.pushed("web")
		h.apply(strings.ReplaceAll(clientFile, `"https://web.example/cb",`, ``))
		h.clock.add(time.Second)
		res := h.visit("web", uri)
		want(t, "status", res.StatusCode, http.StatusBadRequest)
		want(t, "redirect", res.Header.Get("Location"), "")
	})
}
