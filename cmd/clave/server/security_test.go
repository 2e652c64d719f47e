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
		{"IPv6 loopback", "form-action 'self' http:", "'self' http:"},
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

// A page with a challenge runs workers, one that asks for a passkey gets the options,
// from our own addresses and no others (T30).
func TestT30_WorkersAndConnectionsOnlyOnPagesThatAskForThem(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  []string
		want string // what is added to the policy
	}{
		{"no", nil, ""},
		{"no, with an application", []string{"form-action 'self' https://app.example"}, ""},
		{"yes", []string{"worker-src 'self'"}, "; worker-src 'self'"},
		{"yes, with an application", []string{"form-action 'self' https://app.example", "worker-src 'self'"}, "; worker-src 'self'"},
		{"of others", []string{"worker-src * blob:"}, "; worker-src 'self'"},
		{"connections", []string{"connect-src https://evil.example"}, "; connect-src 'self'"},
		{"both", []string{"worker-src 'self'", "connect-src 'self'"}, "; connect-src 'self'; worker-src 'self'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for _, p := range tt.set {
				h.Add("Content-Security-Policy", p)
			}
			secure(h, fixedHeaders(true))
			got := h.Get("Content-Security-Policy")
			_, after, _ := strings.Cut(got, "base-uri 'none'")
			if after != tt.want || strings.Contains(got, "app.example") != strings.Contains(strings.Join(tt.set, " "), "app.example") {
				t.Errorf("got %q, want %q after base-uri", got, tt.want)
			}
		})
	}
}
