//go:build interop

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// TestInterop runs the clients of testdata/interop, from npm, against the demo.
// Node is there, or make would not have come this far: without it this fails.
func TestInterop(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "interop") // npm writes beside the scripts
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("testdata", "interop"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	fapi, jwk := fapiClient(t)
	for _, engine := range []string{"sqlite", "postgres"} {
		told := interopClient("interop-openid-client", "client_secret_post", "PS256")
		end := fmt.Sprintf("http://127.0.0.1:%d/fin", freePort(t))
		told["backchannel_logout_uri"] = end
		w := newWorld(t, engine, withInterop(t, fapi, told))
		for _, c := range []struct {
			script, alg string
			steps       []string
		}{
			{"openid-client", "PS256", []string{
				"discovery", "login", "code", "replay refused", "single sign-on", "userinfo", "refresh", "logout", "back-channel logout", "unknown token refused",
			}},
			{"oauth4webapi", "EdDSA", []string{"discovery", "login", "code", "userinfo", "refresh", "logout", "replay revokes the family"}},
			{"fapi", "ES256", []string{
				"discovery", "push", "login", "code", "userinfo", "refresh without rotation", "request_uri used once", "replay revokes the family",
			}},
		} {
			t.Run(c.script+"/"+engine, func(t *testing.T) {
				callback := interopCallback
				if c.script == "fapi" {
					callback = fapiCallback
				}
				settings, err := json.Marshal(map[string]string{
					"issuer": w.issuer, "client_id": "interop-" + c.script, "client_secret": interopSecret, "alg": c.alg,
					"jwk":          jwk,
					"redirect_uri": callback, "post_logout_redirect_uri": interopGoodbye, "backchannel_logout_uri": end,
					"scope":  "openid profile cedula offline_access",
					"cedula": "1759999913", "clave": commonClave, "name": "María Fernanda Quishpe Andrade",
				})
				if err != nil {
					t.Fatal(err)
				}
				run := exec.CommandContext(t.Context(), "node", c.script+".mjs")
				run.Dir = folder
				run.Env = append(os.Environ(), "CLAVE_INTEROP="+string(settings))
				out, err := run.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				for _, step := range c.steps {
					if !strings.Contains(string(out), "ok "+step+"\n") {
						t.Errorf("%q did not run:\n%s", step, out)
					}
				}
				t.Logf("\n%s", out)
			})
		}
	}
}

// fapiCallback is https, as the profile wants; nobody fetches it.
const fapiCallback = "https://interop.example/retorno"

// fapiClient is an application of the FAPI 2.0 profile, and its key as a JWK.
func fapiClient(t *testing.T) (map[string]any, string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "interop-1", Algorithm: "ES256", Use: "sig"}
	secret, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"client_id": "interop-fapi", "client_name": "Interop FAPI 2.0", "redirect_uris": []string{fapiCallback}, "iess_profile": "fapi2",
		"token_endpoint_auth_method": "private_key_jwt", "jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}},
		"dpop_bound_access_tokens": true, "require_signed_request_object": true, "authorization_signed_response_alg": "ES256",
		"grant_types": []string{"authorization_code", "refresh_token"}, "scope": "openid profile cedula offline_access",
	}, string(secret)
}
