package server

import (
	"context"
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// Who serves also tells applications that sessions have ended, in words that
// another library takes, and of security events, and shows how that stands.
func TestServingTellsApplications(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			came := make(chan string, 1)
			app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/eventos" {
					w.WriteHeader(http.StatusAccepted)
					return
				}
				came <- r.PostFormValue("logout_token")
			}))
			t.Cleanup(app.Close)
			s, _ := openOn(t, storagetest.URL(t, engine), func(c *Config) {
				c.Provider.Logouts = provider.LogoutConfig{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
			})
			client := storage.ClientMetadata{BackchannelLogoutURI: app.URL, IDTokenSignedAlg: "ES256"}
			client.Events, client.EventsURI = []string{storage.SessionRevoked}, app.URL+"/eventos"
			storagetest.AddClient(t, s.db, "historia", "", client)
			client.Events, client.BackchannelLogoutURI = nil, "http://10.0.0.1/" // in no network that is named
			storagetest.AddClient(t, s.db, "inner", "", client)
			a := storagetest.AddAfiliado(t, s.db, storage.Afiliado{})
			now := time.Now()
			session := storage.Session{ID: "session", SecretHash: "x", AfiliadoID: a.ID, ExpiresAt: storage.At(now.Add(time.Hour))}
			var sid string
			storagetest.InTx(t, s.db, func(tx *storage.Tx) error {
				if err := tx.AddSession(t.Context(), session); err != nil {
					return err
				}
				if _, err := tx.JoinSession(t.Context(), session.ID, "inner", now); err != nil {
					return err
				}
				var err error
				if sid, err = tx.JoinSession(t.Context(), session.ID, "historia", now); err != nil {
					return err
				}
				return tx.EndSessions(t.Context(), a.ID, "", "recovery", now)
			})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx, listener(t), nil) }()
			raw := <-came
			look := time.NewTicker(10 * time.Millisecond)
			defer look.Stop()
			for refused(t, s.db, "inner") == "" || pending(t, s.db, "historia") {
				<-look.C
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			keys := httptest.NewRecorder()
			s.public.ServeHTTP(keys, httptest.NewRequest(http.MethodGet, s.cfg.Issuer+provider.PathKeys, nil))
			var set jose.JSONWebKeySet
			if err := json.Unmarshal(keys.Body.Bytes(), &set); err != nil {
				t.Fatal(err)
			}
			var public []crypto.PublicKey
			for _, k := range set.Keys {
				public = append(public, k.Key)
			}
			verifier := oidc.NewVerifier(s.cfg.Issuer, &oidc.StaticKeySet{PublicKeys: public}, &oidc.Config{ClientID: "historia", SupportedSigningAlgs: []string{"ES256"}})
			token, err := verifier.VerifyLogout(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := s.db.Client(t.Context(), "historia"); err != nil || token.Subject != s.db.Subject(*c, a.ID) || token.SessionID != sid {
				t.Errorf("got %+v, %v; want her sub and the sid %s", token, err, sid)
			}
			text := metricsOf(s)
			for _, want := range []string{
				`clave_logout_results_total{client_id="historia",result="delivered"} 1`, `clave_logout_deliveries{client_id="historia",state="delivered"} 1`,
				`clave_logout_results_total{client_id="inner",result="retry"} 1`, `clave_logout_deliveries{client_id="inner",state="pending"} 1`,
				`clave_logout_oldest_pending_seconds{client_id="inner"} `,
				`clave_event_results_total{client_id="historia",event="session-revoked",result="delivered"} 1`,
				`clave_event_deliveries{client_id="historia",event="session-revoked",state="delivered"} 1`,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("metrics lack %s", want)
				}
			}
			if got := refused(t, s.db, "inner"); got != "address" {
				t.Errorf("got %q; want the inner address refused", got)
			}
		})
	}
}

// refused is what keeps an application from being told, "" for nothing yet.
func refused(t *testing.T, db *storage.DB, client string) string {
	t.Helper()
	all, err := db.ClientDeliveries(t.Context(), client, 1)
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: got %+v, %v; want one delivery", client, all, err)
	}
	return all[0].LastError
}

// pending reports whether an application is still to be told of anything.
func pending(t *testing.T, db *storage.DB, client string) bool {
	t.Helper()
	all, err := db.ClientDeliveries(t.Context(), client, 10)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(d storage.Delivery) bool { return d.State == storage.DeliveryPending })
}
