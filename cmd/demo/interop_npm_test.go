//go:build interop

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	for _, engine := range []string{"sqlite", "postgres"} {
		w := newWorld(t, engine, withInterop(t))
		for _, c := range []struct {
			script, alg string
			steps       []string
		}{
			{"openid-client", "PS256", []string{
				"discovery", "login", "code", "replay refused", "single sign-on", "userinfo", "refresh", "logout", "unknown token refused",
			}},
			{"oauth4webapi", "EdDSA", []string{"discovery", "login", "code", "userinfo", "refresh", "logout", "replay revokes the family"}},
		} {
			t.Run(c.script+"/"+engine, func(t *testing.T) {
				settings, err := json.Marshal(map[string]string{
					"issuer": w.issuer, "client_id": "interop-" + c.script, "client_secret": interopSecret, "alg": c.alg,
					"redirect_uri": interopCallback, "post_logout_redirect_uri": interopGoodbye,
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
