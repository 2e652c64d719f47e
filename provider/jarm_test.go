package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// response verifies a signed authorization response with the published keys.
func (h *house) response(token, alg string) map[string]json.RawMessage {
	h.t.Helper()
	_, body := h.do(http.MethodGet, PathKeys, "")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		h.t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		h.t.Fatal(err)
	}
	payload, err := jws.Verify(set)
	if err != nil {
		h.t.Fatal(err)
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(payload, &claims); err != nil {
		h.t.Fatal(err)
	}
	return claims
}

func TestJARM_ResponsesAreSignedInEachMode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := h.clock.now()
		for _, prompt := range []string{"", "create"} {
			name := map[bool]string{true: "code", false: "error"}[prompt == ""]
			for mode, prefix := range map[string]string{"jwt": "?response=", "query.jwt": "?response=", "fragment.jwt": "#response=", "form_post.jwt": ""} {
				res, body := h.do(http.MethodGet, PathAuthorize+"?"+h.request("web", "response_mode", mode, "prompt", prompt).Encode(), "")
				token := ""
				if prefix == "" {
					want(t, mode, res.StatusCode, http.StatusOK)
					if found := regexp.MustCompile(`name="response" value="([^"]+)"`).FindStringSubmatch(body); found != nil {
						token = found[1]
					}
					want(t, mode+": one parameter", strings.Count(body, `type="hidden"`), 1)
				} else {
					want(t, mode, res.StatusCode, http.StatusSeeOther)
					var ok bool
					if token, ok = strings.CutPrefix(res.Header.Get("Location"), "https://web.example/cb"+prefix); !ok || strings.ContainsAny(token, "&?#") {
						t.Errorf("%s: got %s", mode, res.Header.Get("Location"))
					}
				}
				claims := h.response(token, "ES256")
				want(t, mode+": iss", string(claims["iss"]), `"`+h.url+`"`)
				want(t, mode+": aud", string(claims["aud"]), `"web"`)
				want(t, mode+": state", string(claims["state"]), `"s t\u0026te"`)
				want(t, mode+": "+name, len(claims[name]) > 2, true)
				var exp int64
				if err := json.Unmarshal(claims["exp"], &exp); err != nil || exp != now.Add(signedLife).Unix() {
					t.Errorf("%s: exp %s, %v", mode, claims["exp"], err)
				}
				if name == "code" {
					var code string
					if err := json.Unmarshal(claims["code"], &code); err != nil {
						t.Fatal(err)
					}
					want(t, mode+": tokens", h.token("web", h.redeem("web", code)).status, http.StatusOK)
				}
			}
		}
	})
}

// The person who says no is told of in the signed form too, and in the algorithm
// the application registered.
func TestJARM_AlgorithmIsTheRegisteredOne(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.signing()
		h.wait = true
		object := key.sign(t, requestType(), h.objectClaims("must", "response_mode", "jwt"))
		a := h.post(PathPush, "must", url.Values{"request": {object}})
		h.visit("must", a.get("request_uri"))
		var answer http.Handler
		err := h.db.InTx(t.Context(), func(tx *storage.Tx) error {
			locked, err := tx.LockAuthRequest(t.Context(), h.pending.ID)
			if err != nil {
				return err
			}
			answer, err = h.Deny(t.Context(), tx, locked, "access_denied", "")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got := location(t, served(t, answer))
		claims := h.response(got.Get("response"), "EdDSA")
		want(t, "error", string(claims["error"]), `"access_denied"`)
		want(t, "nothing beside it", len(got), 1)
	})
}

// A signed response is signed by the key of ID tokens, and is none (JWT-3.12).
func TestJARM_JWT_3_12_ResponseIsNoIDToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		token := location(t, h.visitQuery(h.request("web", "response_mode", "jwt"))).Get("response")
		want(t, "as a hint", h.authorize(h.request("web", "id_token_hint", token)).Get("error"), "invalid_request")
		want(t, "as an access token", h.userinfoOf(token).status, http.StatusUnauthorized)
		h.clock.add(time.Second)
		res, _ := h.do(http.MethodGet, PathLogout+"?"+url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {"https://web.example/bye"}}.Encode(), "")
		want(t, "at logout", res.Header.Get("Location"), "")
		want(t, "signed out", h.cleared, false)
	})
}

// visitQuery sends q to the authorization endpoint.
func (h *house) visitQuery(q url.Values) *http.Response {
	h.t.Helper()
	res, _ := h.do(http.MethodGet, PathAuthorize+"?"+q.Encode(), "")
	return res
}
