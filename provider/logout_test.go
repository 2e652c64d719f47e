package provider

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

func (h *house) logoutGet(pairs ...string) (*http.Response, string) {
	h.t.Helper()
	return h.do(http.MethodGet, PathLogout+"?"+with(nil, pairs...).Encode(), "")
}

// The library logs out on any GET, without looking at cookie or hint's client.
func TestASVS_10_6_2_OIDC_2_4_5_LogoutNeedsAHintOrAsks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		hint := h.tokens("web", "openid").get("id_token")
		other := h.tokens("other", "openid").get("id_token")
		forgeries := forged(t, h, hint)
		bye := "https://web.example/bye"
		ask := map[string][]string{
			"nothing":                    nil,
			"only state":                 {"state", "x"},
			"client alone":               {"client_id", "web"},
			"client and address":         {"client_id", "web", "post_logout_redirect_uri", bye},
			"address alone":              {"post_logout_redirect_uri", bye},
			"hint of another client":     {"id_token_hint", hint, "client_id", "other"},
			"another client's address":   {"id_token_hint", other, "post_logout_redirect_uri", bye},
			"unregistered address":       {"id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example/"},
			"query added":                {"id_token_hint", hint, "post_logout_redirect_uri", bye + "?x=1"},
			"unknown client":             {"client_id", "nobody"},
			"salir by GET":               {"salir", "1", "client_id", "web"},
			"hint and a client with NUL": {"client_id", "w\x00"},
		}
		for name, token := range forgeries {
			if token != "" {
				ask["forged: "+name] = []string{"id_token_hint", token, "post_logout_redirect_uri", bye}
			}
		}
		fits := []string{"nothing", "only state", "client alone", "client and address", "salir by GET"}
		for name, pairs := range ask {
			res, body := h.logoutGet(pairs...)
			if strings.Contains(name, "NUL") {
				want(t, name, res.StatusCode, http.StatusBadRequest)
				continue
			}
			want(t, name, res.StatusCode, http.StatusOK)
			want(t, name+": redirect", res.Header.Get("Location"), "")
			want(t, name+": asks", strings.Contains(body, `id="salir"`) && strings.Contains(body, `id="quedarse"`), true)
			want(t, name+": says that it does not fit", strings.Contains(body, "notice warn"), !slices.Contains(fits, name))
			want(t, name+": nothing ended", h.session != nil && !h.cleared, true)
			want(t, name+": evil", strings.Contains(body, "evil.example"), false)
		}
		before := h.auditRows()
		res, _ := h.logoutGet("id_token_hint", hint, "client_id", "web", "post_logout_redirect_uri", bye, "state", "a b&c")
		want(t, "with a hint", res.StatusCode, http.StatusSeeOther)
		want(t, "with a hint", res.Header.Get("Location"), bye+"?state=a+b%26c")
		want(t, "cookies", h.cleared, true)
		want(t, "for whom", h.asked, "web")
		want(t, "audited by login alone", h.auditRows(), before)
	})
}

func TestLogoutOfAnotherPersonOrSessionAsks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		hint := h.tokens("web", "openid").get("id_token")
		h.signIn(h.person) // a later session of the same person
		h.tokens("web", "openid")
		_, body := h.logoutGet("id_token_hint", hint)
		want(t, "another session", strings.Contains(body, `id="salir"`), true)
		h.signIn(h.addPerson("0959999913"))
		_, body = h.logoutGet("id_token_hint", hint)
		want(t, "another person", strings.Contains(body, `id="salir"`), true)
		want(t, "nothing ended", h.cleared, false)
	})
}

func TestLogoutByThePersonsWord(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		same := []string{"Origin", h.url, "Sec-Fetch-Site", "same-origin"}
		f := url.Values{"client_id": {"web"}, "post_logout_redirect_uri": {"https://web.example/bye?a=1"}, "state": {"x"}, "salir": {"1"}}
		for name, header := range map[string][]string{
			"cross-site": {"Origin", "https://web.example", "Sec-Fetch-Site", "cross-site"},
			"same-site":  {"Origin", "https://web.example", "Sec-Fetch-Site", "same-site"},
			"old cross":  {"Origin", "https://web.example"},
			"null":       {"Origin", "null"},
		} {
			// Its browser left our cookies out; with the redirect it brings them.
			res, _ := h.do(http.MethodPost, PathLogout, f.Encode(), header...)
			want(t, name+": as a GET", res.StatusCode, http.StatusSeeOther)
			want(t, name+": as a GET", res.Header.Get("Location"), PathLogout+"?"+f.Encode())
			want(t, name+": nothing ended yet", h.cleared, false)
			res, body := h.do(http.MethodGet, res.Header.Get("Location"), "")
			want(t, name, res.StatusCode, http.StatusOK)
			want(t, name+": asks", strings.Contains(body, `id="salir"`), true)
			want(t, name+": keeps what was asked", strings.Contains(body, `value="https://web.example/bye?a=1"`), true)
			want(t, name+": the form may lead there", res.Header.Get("Content-Security-Policy"), "form-action 'self' https://web.example")
			want(t, name+": nothing ended", h.cleared, false)
		}
		res, body := h.do(http.MethodPost, PathLogout, with(f, "salir", "", "quedarse", "1").Encode(), same...)
		want(t, "quedarse", res.StatusCode, http.StatusOK)
		want(t, "quedarse: the way back", strings.Contains(body, "https://web.example/"), true)
		want(t, "quedarse: nothing ended", h.cleared, false)
		access := h.tokens("web", "openid").get("access_token")
		res, _ = h.do(http.MethodPost, PathLogout, f.Encode(), same...)
		want(t, "salir", res.Header.Get("Location"), "https://web.example/bye?a=1&state=x")
		want(t, "salir", h.cleared, true)
		want(t, "its tokens end", h.userinfoOf(access).status, http.StatusUnauthorized)
		// Once more: nobody is signed in, nothing vouches, so it ends here.
		res, body = h.do(http.MethodPost, PathLogout, f.Encode(), same...)
		want(t, "again", res.StatusCode, http.StatusOK)
		want(t, "again", res.Header.Get("Location"), "")
		want(t, "again: the way back", strings.Contains(body, "https://web.example/"), true)
	})
}

func TestLogoutFromOurOwnHeader(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		id := h.session.ID
		res, _ := h.do(http.MethodPost, PathLogout, "salir=1", "Origin", h.url)
		want(t, "status", res.StatusCode, http.StatusSeeOther)
		want(t, "leads to", res.Header.Get("Location"), PathLoggedOut+"?sesion="+id)
		want(t, "ended", h.cleared, true)
	})
}

func TestLogoutWithoutSession(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		hint := h.tokens("web", "openid").get("id_token")
		h.session = nil
		bye := "https://web.example/bye"
		res, _ := h.logoutGet("id_token_hint", hint, "post_logout_redirect_uri", bye)
		want(t, "valid hint", res.Header.Get("Location"), bye)
		for name, pairs := range map[string][]string{
			"no hint":      {"client_id", "web", "post_logout_redirect_uri", bye},
			"forged":       {"id_token_hint", forged(t, h, hint)["alg none"], "post_logout_redirect_uri", bye},
			"unregistered": {"id_token_hint", hint, "post_logout_redirect_uri", bye + "/"},
			"nothing":      nil,
		} {
			res, _ := h.logoutGet(pairs...)
			want(t, name, res.StatusCode, http.StatusOK)
			want(t, name, res.Header.Get("Location"), "")
		}
		// By POST from the application, which is cross-site.
		res, _ = h.do(http.MethodPost, PathLogout, url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {bye}}.Encode(), "Origin", "https://web.example")
		res, _ = h.do(http.MethodGet, res.Header.Get("Location"), "")
		want(t, "POST", res.Header.Get("Location"), bye)
	})
}

func TestLogoutRefusesWhatCannotBeRead(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for name, tt := range map[string]struct {
			method, path, body string
			status             int
		}{
			"twice":         {http.MethodGet, PathLogout + "?state=a&state=b", "", 400},
			"bad escape":    {http.MethodGet, PathLogout + "?state=%zz", "", 400},
			"huge":          {http.MethodGet, PathLogout + "?x=" + strings.Repeat("a", maxQuery), "", 413},
			"query in POST": {http.MethodPost, PathLogout + "?state=a", "salir=1", 400},
			"PUT":           {http.MethodPut, PathLogout, "", 405},
		} {
			res, _ := h.do(tt.method, tt.path, tt.body)
			want(t, name, res.StatusCode, tt.status)
		}
		want(t, "nothing ended", h.cleared, false)
	})
}

// A session kept alive by offline_access outlives the logout; the rest does not.
func TestLogoutKeepsOfflineAccess(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.tokens("web", "openid offline_access")
		h.do(http.MethodPost, PathLogout, "salir=1", "Origin", h.url)
		want(t, "refresh", h.useRefresh("web", a.get("refresh_token")).status, http.StatusOK)
		h.inTx(func(tx *storage.Tx) error {
			return tx.EndSessions(t.Context(), h.person.ID, "", "recovery", h.clock.now())
		})
	})
}
