package server

import (
	"net/http"
	"strings"
	"testing"
)

func TestFormActionOfAPage(t *testing.T) {
	for _, tt := range []struct{ name, set, want string }{
		{"nothing", "", "'self'"},
		{"application", "form-action 'self' https://app.example", "'self' https://app.example"},
		{"port", "form-action 'self' http://localhost:8081", "'self' http://localhost:8081"},
		{"native", "form-action 'self' ec.gob.iess.movil:", "'self' ec.gob.iess.movil:"},
		{"wider directives are not taken", "default-src *; script-src 'unsafe-inline'; form-action 'self' https://app.example", "'self' https://app.example"},
		{"anything", "form-action *", "'self'"},
		{"every https", "form-action https:", "'self'"},
		{"script", "form-action javascript: data:", "'self'"},
		{"path", "form-action https://app.example/callback", "'self'"},
		{"wildcard host", "form-action https://*.example", "'self'"},
		{"user", "form-action https://a@app.example", "'self'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.set != "" {
				h.Set("Content-Security-Policy", tt.set)
			}
			secure(h, fixedHeaders(true))
			want := strings.Replace(securityHeaders(true)["Content-Security-Policy"], "form-action 'self'", "form-action "+tt.want, 1)
			if got := h.Values("Content-Security-Policy"); len(got) != 1 || got[0] != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
