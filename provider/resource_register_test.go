package provider

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// many are n audiences.
func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "urn:a:" + strconv.Itoa(i)
	}
	return out
}

func TestClientOfNoTokensNamesNoResources(t *testing.T) {
	_, err := ParseClients([]byte(`[{"client_id":"api","client_secret":"` + secret + `","client_name":"API","grant_types":[],
		"iess_resource_server":"urn:a","iess_resources":["urn:b"]}]`))
	want(t, "refused", err != nil && strings.Contains(err.Error(), `index 0, client "api": iess_resources: the client gets no tokens`), true)
}

// An audience that no API has is a mistake of the operator, told by its place in the
// file, and nothing of the file is applied.
func TestApplyRefusesResourcesOfNobody(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		apply := func(file string) error {
			all, err := ParseClients([]byte(file))
			if err != nil {
				t.Fatal(err)
			}
			return h.db.InTx(t.Context(), func(tx *storage.Tx) error { return ApplyClients(t.Context(), tx, all, h.url, h.clock.now()) })
		}
		app := func(resources ...string) string {
			return member(t, "iess_resources", `["`+strings.Join(resources, `","`)+`"]`)
		}
		const api = `{"client_id":"api","client_secret":"` + secret + `","client_name":"API","grant_types":[],"iess_resource_server":"urn:api"}`
		err := apply("[" + strings.Replace(app("urn:api"), `"app"`, `"first"`, 1) + "," + app("urn:api", "urn:apo", h.url+"/") + "," + api + "]")
		want(t, "refused", errors.Is(err, ErrNoResource), true)
		lines := strings.Split(err.Error(), "\n")
		want(t, "a line for each", len(lines), 2)
		for i, resource := range []string{"urn:apo", h.url + "/"} {
			want(t, resource, strings.Contains(lines[i], `index 1, client "app": iess_resources: "`+resource+`" is the iess_resource_server of no application`), true)
		}
		_, err = h.db.Client(t.Context(), "first")
		want(t, "nothing is applied", errors.Is(err, storage.ErrNotFound), true)
		want(t, "of the same file, later in it, and the issuer", apply("["+app("urn:api", h.url)+","+api+"]"), nil)
		want(t, "of one registered before", apply("["+app("urn:api")+"]"), nil)
		h.inTx(func(tx *storage.Tx) error { return DisableClient(t.Context(), tx, "api", "test", h.clock.now()) })
		want(t, "of one that is disabled", apply("["+app("urn:api")+"]"), nil)
		c, err := h.db.Client(t.Context(), "app")
		want(t, "stored", err == nil && len(c.Metadata.Resources) == 1, true)
		want(t, "none at all", apply("["+member(t, "iess_resources", `[]`)+"]"), nil)
		c, err = h.db.Client(t.Context(), "app")
		want(t, "which is not the same as nothing said", err == nil && c.Metadata.Resources != nil, true)
	})
}

// thirdFile registers a third party that asks in every way there is, one of the IESS
// that may name fewer than all, and a machine; each with the members given.
func thirdFile(t *testing.T, key testKey, members string) string {
	t.Helper()
	common := `"client_secret":"` + secret + `","client_name":"Tercera","grant_types":["authorization_code","refresh_token","client_credentials"],
		"scope":"openid offline_access historia:leer","jwks":` + key.set(t) + members
	return `[{"client_id":"third","redirect_uris":["https://third.example/cb"],` + common + `},
		{"client_id":"narrow","redirect_uris":["https://narrow.example/cb"],"iess_first_party":true,"iess_resources":["urn:iess:otra"],` + strings.Replace(common, members, "", 1) + `}]`
}

// A third party names no API that the operator did not write into its registration,
// by whatever way it asks; what is taken from it later is refused from then on, and
// what it holds for it is worth nothing at the API (T09).
func TestRFC8707_3_T09_OnlyResourcesOfTheRegistration(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.machines()
		key := newTestKey(t, "third")
		allow := func(members string) {
			h.apply(thirdFile(t, key, members))
			h.clock.add(time.Second)
		}
		ask := func(client string, resources ...string) url.Values {
			q := h.request(client, "scope", "openid offline_access")
			q["resource"] = resources
			return q
		}
		ways := func(client, resource string) map[string]string {
			object := key.sign(t, "oauth-authz-req+jwt", h.objectClaims(client, "resource", resource))
			return map[string]string{
				"authorize":          h.authorize(ask(client, resource)).Get("error"),
				"PAR":                h.push(client, ask(client, resource)).get("error"),
				"JAR":                h.authorize(url.Values{"client_id": {client}, "redirect_uri": {"https://" + client + ".example/cb"}, "response_type": {"code"}, "scope": {"openid"}, "request": {object}}).Get("error"),
				"client_credentials": h.token(client, ownToken("resource", resource)).get("error"),
			}
		}
		all := func(name, client, resource, error string) {
			t.Helper()
			for way, got := range ways(client, resource) {
				want(t, name+" by "+way, got, error)
			}
		}
		allow("")
		all("nothing registered", "third", apiAudience, "invalid_target")
		all("our own userinfo", "third", h.url, "")
		all("the list of a first party", "narrow", "urn:iess:otra", "")
		all("beside the list of a first party", "narrow", apiAudience, "invalid_target")
		all("any, of a first party without list", "narrow", "urn:iess:nadie", "invalid_target")
		want(t, "a first party without list", h.authorize(ask("web", apiAudience)).Get("error"), "")
		at := h.token("third", h.redeem("third", h.code("third"), "resource", apiAudience))
		want(t, "at the token endpoint alone", at.get("error"), "invalid_target")
		want(t, "said plainly", h.push("third", ask("third", apiAudience)).get("error_description"), "the resource is not one of those registered for this client")

		h.apply(`[{"client_id":"own","client_secret":"` + secret + `","client_name":"Own","grant_types":[],"iess_resource_server":"` + h.url + `"}]`)
		h.clock.add(time.Second)
		want(t, "our own, inspected", h.introspectBy("own", h.tokens("third", "openid").get("access_token")).get("active"), "true")

		allow(`,"iess_resources":["` + apiAudience + `"]`)
		all("registered", "third", apiAudience, "")
		all("another", "third", "urn:iess:otra", "invalid_target")
		machine := h.machineToken("third", apiAudience)
		held := h.tokensFor("third", "openid offline_access", apiAudience)
		want(t, "no mark in the scope", held.get("scope"), "openid offline_access")
		seen := h.introspectBy("api", held.get("access_token"))
		want(t, "introspection", seen.get("active")+" "+seen.get("scope"), "true openid offline_access")
		want(t, "a mark is no scope", h.useRefresh("third", held.get("refresh_token"), "scope", "openid "+storage.ResourceMark+apiAudience).get("error"), "invalid_scope")
		code := h.authorize(ask("third", apiAudience)).Get("code")

		allow(`,"iess_resources":[]`)
		all("taken away", "third", apiAudience, "invalid_target")
		want(t, "a code of before", h.token("third", h.redeem("third", code)).get("error"), "invalid_target")
		want(t, "a refresh token of before", h.useRefresh("third", held.get("refresh_token")).get("error"), "invalid_target")
		want(t, "its access token", h.introspectBy("api", held.get("access_token")).text, `{"active":false}`)
		want(t, "its own token", h.introspectBy("api", machine).text, `{"active":false}`)
		allow(`,"iess_resources":["` + apiAudience + `"]`)
		want(t, "none of that burned the refresh token", h.useRefresh("third", held.get("refresh_token")).status, http.StatusOK)
	})
}
