package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/cmd/clave/server"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const toolSecret = "wJ4pG7qLx2Vd9sRk0NfTzYbM5cHa8eUi"

// serving is a replica as clave serve runs it, whose time the test keeps.
type serving struct {
	t      *testing.T
	issuer *url.URL
	client *http.Client
}

func (i *installation) serve(now func() time.Time) *serving {
	i.Helper()
	sc, err := i.cfg.server(program{now: now}, slog.New(slog.DiscardHandler))
	if err != nil {
		i.Fatal(err)
	}
	s, err := server.New(i.Context(), sc)
	if err != nil {
		i.Fatal(err)
	}
	public := listener(i.T)
	ctx, cancel := context.WithCancel(i.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx, public, nil) }()
	i.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			i.Error(err)
		}
		s.Close()
	})
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, public.Addr().String())
	}
	return &serving{i.T, i.cfg.Issuer, &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// post sends a form as an application and returns the JSON of the answer.
func (s *serving) post(path, client string, form url.Values) map[string]any {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.issuer.String()+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, toolSecret)
	return s.read(r)
}

func (s *serving) read(r *http.Request) map[string]any {
	s.t.Helper()
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *serving) token() string {
	s.t.Helper()
	got := s.post(provider.PathToken, "tool", url.Values{"grant_type": {"client_credentials"}, "resource": {"urn:iess:api"}})
	token, _ := got["access_token"].(string)
	if token == "" {
		s.t.Fatalf("no token: %v", got)
	}
	return token
}

func (s *serving) active(token string) bool {
	s.t.Helper()
	return s.post(provider.PathInspect, "api", url.Values{"token": {token}})["active"] == true
}

// published are the ids of the keys in the JWKS.
func (s *serving) published() []string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.issuer.String()+provider.PathKeys, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	var kids []string
	keys, _ := s.read(r)["keys"].([]any)
	for _, k := range keys {
		kid, _ := k.(map[string]any)["kid"].(string)
		kids = append(kids, kid)
	}
	return kids
}

// The kill switch of an operator: a second later no replica takes what the key
// signed, and an application that reads the JWKS for an unknown kid goes on at once,
// be the successor one that nobody knew.
func TestT29_OperatorRevokesAKey(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			i := install(t, engine)
			i.want(exitDone, "applied tool", "client", "apply", i.write("apps.json", `[
				{"client_id": "tool", "client_name": "Tool", "client_secret": "`+toolSecret+`", "grant_types": ["client_credentials"],
				 "scope": "historia:leer", "iess_access_token_format": "jwt", "iess_resources": ["urn:iess:api"]},
				{"client_id": "api", "client_name": "API", "client_secret": "`+toolSecret+`", "grant_types": [], "iess_resource_server": "urn:iess:api"}]`))
			begin, passed := time.Now(), atomic.Int64{}
			now := func() time.Time { return begin.Add(time.Duration(passed.Load())) }
			replicas := []*serving{i.serve(now), i.serve(now)}
			_, list, _ := i.at(now(), "keys", "list")
			first, second := kidOf(list, storage.KeyActive), kidOf(list, storage.KeyNext)
			until := begin.Add(90 * day).UTC().Format("2006-01-02T")
			if strings.Count(list, until) < 2 || !strings.Contains(list, "UNTIL") {
				t.Errorf("list: got\n%s, want both keys until %s", list, until)
			}
			verifier := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), replicas[1].client), i.cfg.Issuer.String()+provider.PathKeys)
			signed := func(token string) string {
				t.Helper()
				if _, err := verifier.VerifySignature(t.Context(), token); err != nil {
					t.Errorf("an application cannot verify: %v", err)
				}
				jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
				if err != nil {
					t.Fatal(err)
				}
				return jws.Signatures[0].Protected.KeyID
			}
			old := replicas[0].token()
			if kid := signed(old); kid != first {
				t.Errorf("signed by %s, want %s", kid, first)
			}
			i.want(exitUsage, "-reason TEXT is missing", "keys", "revoke", first)
			if !replicas[0].active(old) || !replicas[1].active(old) {
				t.Error("a token does not count before")
			}
			for n, kid := range []string{first, second} { // the thief may have had both
				i.want(exitDone, "revoked "+kid, "keys", "revoke", kid, "-reason", "robo")
				passed.Add(int64(time.Second))
				for r, replica := range replicas {
					if replica.active(old) {
						t.Errorf("replica %d takes what a revoked key signed", r)
					}
					if slices.Contains(replica.published(), kid) {
						t.Errorf("replica %d publishes a revoked key", r)
					}
					if by := signed(replica.token()); by == first || n == 0 && by != second || n == 1 && by == second {
						t.Errorf("replica %d signs with %s after %s was revoked", r, by, kid)
					}
				}
			}
			_, list, _ = i.at(now(), "keys", "list")
			if strings.Contains(list, first) || strings.Contains(list, second) || kidOf(list, storage.KeyNext) == "" {
				t.Errorf("list: got\n%s, want two others", list)
			}
			i.want(exitFailed, "there is no key", "keys", "revoke", first, "-reason", "robo")
			var reasons int
			rows, err := i.db.AuditRows(t.Context(), 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if row.Event == "key.revoked" && strings.Contains(row.Detail, `"reason":"robo"`) {
					reasons++
				}
			}
			if reasons != 2 {
				t.Errorf("%d revocations are audited with their reason, want 2", reasons)
			}
		})
	}
}
