package provider

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// desk is where applications take logout tokens and security events.
type desk struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request, n int) // the nth POST, from 1

	mu    sync.Mutex
	taken []notice
}

// notice is one POST that came.
type notice struct {
	path, media, accept string
	form                url.Values
	event               string // a security event token
}

func newDesk(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *desk {
	t.Helper()
	d := &desk{answer: answer}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

// status answers with the next of all, and then with the last one.
func status(all ...int) func(w http.ResponseWriter, r *http.Request, n int) {
	return func(w http.ResponseWriter, _ *http.Request, n int) { w.WriteHeader(all[min(n, len(all))-1]) }
}

// taking takes all that comes.
func taking(w http.ResponseWriter, r *http.Request, _ int) {
	if r.Header.Get("Content-Type") == mediaSecurityEvent {
		w.WriteHeader(http.StatusAccepted)
	}
}

// subscribing is what an application's file says to receive events at address.
func subscribing(address string, events ...string) string {
	return `"iess_events":["` + strings.Join(events, `","`) + `"],"iess_events_uri":"` + address + `"`
}

// ServeHTTP implements http.Handler.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	err := r.ParseForm()
	came := notice{r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Accept"), r.PostForm, ""}
	if came.media == mediaSecurityEvent {
		var body []byte
		body, err = io.ReadAll(r.Body)
		came.event = string(body)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	d.taken = append(d.taken, came)
	n := len(d.taken)
	d.mu.Unlock()
	d.answer(w, r, n)
}

func (d *desk) notices() []notice {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]notice(nil), d.taken...)
}

// register registers an application that takes logout tokens at address, changed
// by members.
func (h *house) register(id, address string, members ...string) {
	h.t.Helper()
	h.apply(`[{"client_id":"` + id + `","client_secret":"` + secret + `","client_name":"` + id + `","redirect_uris":["https://` + id + `.example/cb"],
		"backchannel_logout_uri":"` + address + `"` + strings.Join(append([]string{""}, members...), ",") + `}]`)
	h.clock.add(2 * time.Second) // every replica knows within a second
}

// leaves signs in at the application, signs out, and returns the ID token and how
// the delivery stands.
func (h *house) leaves(client string) (string, storage.Delivery) {
	h.t.Helper()
	if h.session == nil {
		h.signIn(h.person)
	}
	token := h.tokens(client, "openid").get("id_token")
	res, _ := h.logoutGet("id_token_hint", token)
	want(h.t, "signed out", res.StatusCode, http.StatusSeeOther)
	return token, h.delivery(client)
}

// delivery is the newest one to the application.
func (h *house) delivery(client string) storage.Delivery {
	h.t.Helper()
	all, err := h.db.ClientDeliveries(h.t.Context(), client, 1)
	if err != nil || len(all) != 1 {
		h.t.Fatalf("%s: %d deliveries, %v", client, len(all), err)
	}
	return all[0]
}

func (h *house) deliver() {
	h.t.Helper()
	if err := h.Deliver(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// logoutClaims verifies a logout token, or a security event token, with the published keys.
func (h *house) logoutClaims(raw, alg string) (jose.Header, map[string]json.RawMessage) {
	h.t.Helper()
	_, body := h.do(http.MethodGet, PathKeys, "")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		h.t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		h.t.Fatal(err)
	}
	head := jws.Signatures[0].Protected
	payload, err := jws.Verify(set.Key(head.KeyID)[0].Key)
	if err != nil {
		h.t.Fatal(err)
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(payload, &claims); err != nil {
		h.t.Fatal(err)
	}
	return head, claims
}
