package rp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
)

const (
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
)

// push sends a security event as the provider does, and returns the status and,
// where it is refused, the code.
func (w *world) push(token, media string) (int, string) {
	w.t.Helper()
	res, err := http.Post(w.base+"/avisos-de-seguridad", media, strings.NewReader(token))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var said struct {
		Err string `json:"err"`
	}
	if res.StatusCode == http.StatusBadRequest {
		if err := json.Unmarshal(body, &said); err != nil || res.Header.Get("Content-Type") != "application/json" {
			w.t.Errorf("got %s, %v", body, err)
		}
	} else if res.StatusCode == http.StatusAccepted && len(body) != 0 {
		w.t.Errorf("got %s with 202, want nothing", body)
	}
	return res.StatusCode, said.Err
}

// An application does what a security event says, once, and nothing for a token
// that is not one (RFC 8417, RFC 8935; JWT-3.12).
func TestRFC8935_JWT_3_12_SecurityEvents(t *testing.T) {
	w := newWorld(t, "sqlite")
	hers, elsewhere, his := rptest.New(t), rptest.New(t), rptest.New(t)
	w.signIn(hers, maria, mariaClave)
	w.signIn(elsewhere, maria, mariaClave)
	w.signIn(his, pedro, pedroClave)
	data := hers.Get(w.base + "/datos")
	sid, sub := claimOf(t, data, "sid"), claimOf(t, data, "sub")
	inside := func(b *rptest.Browser) bool { return b.Get(w.base+"/datos").Status == http.StatusOK }

	key, kid := w.signingKey()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	user := map[string]any{"format": "iss_sub", "iss": w.issuer, "sub": sub}
	of := func(session string) map[string]any {
		return map[string]any{"format": "complex", "user": user, "session": map[string]any{"format": "opaque", "id": session}}
	}
	event := func(name string) map[string]any { return map[string]any{name: map[string]any{"event_timestamp": now}} }
	good := map[string]any{
		"iss": w.issuer, "aud": "prestamos", "iat": now, "toe": now - 60, "jti": "one", "txn": "x", "sub_id": of(sid), "events": event(caep + "session-revoked"),
	}
	with := func(pairs ...any) map[string]any {
		out := maps.Clone(good)
		for i := 0; i < len(pairs); i += 2 {
			name := pairs[i].(string) //nolint:forcetypeassert // written below
			if out[name] = pairs[i+1]; pairs[i+1] == nil {
				delete(out, name)
			}
		}
		return out
	}
	set := func(pairs ...any) string { return sign(t, key, kid, "secevent+jwt", with(pairs...)) }
	logout := map[string]any{
		"iss": w.issuer, "aud": "prestamos", "sub": sub, "sid": sid, "iat": now, "exp": now + 120, "jti": "out",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	idToken := ""
	for _, seen := range w.wire.seen {
		if strings.Count(seen, ".") == 2 {
			idToken = seen
		}
	}
	two := event(caep + "session-revoked")
	two[risc+"account-disabled"] = map[string]any{}
	const media = "application/secevent+jwt"
	for name, tt := range map[string]struct{ token, media, err string }{
		"nothing":            {"", media, "invalid_request"},
		"not a token":        {"x.y.z", media, "invalid_request"},
		"as a form":          {set(), "application/x-www-form-urlencoded", "invalid_request"},
		"an ID token":        {idToken, media, "invalid_request"},
		"a logout token":     {sign(t, key, kid, "logout+jwt", logout), media, "invalid_request"},
		"one of typ SET":     {sign(t, key, kid, "secevent+jwt", logout), media, "invalid_request"},
		"typ JWT":            {sign(t, key, kid, "JWT", good), media, "invalid_request"},
		"another key":        {sign(t, other, kid, "secevent+jwt", good), media, "invalid_key"},
		"an unknown key":     {sign(t, other, "nobody", "secevent+jwt", good), media, "invalid_key"},
		"another issuer":     {set("iss", "https://clave.example"), media, "invalid_issuer"},
		"another audience":   {set("aud", "historia-laboral"), media, "invalid_audience"},
		"two audiences":      {set("aud", []string{"prestamos", "historia-laboral"}), media, "invalid_audience"},
		"a sub":              {set("sub", sub), media, "invalid_request"},
		"an exp":             {set("exp", now+120), media, "invalid_request"},
		"no iat":             {set("iat", nil), media, "invalid_request"},
		"of tomorrow":        {set("iat", now+3600), media, "invalid_request"},
		"of an hour ago":     {set("iat", now-3600), media, "invalid_request"},
		"no toe":             {set("toe", nil), media, "invalid_request"},
		"to come about":      {set("toe", now+3600), media, "invalid_request"},
		"no jti":             {set("jti", nil), media, "invalid_request"},
		"of nobody":          {set("sub_id", nil), media, "invalid_request"},
		"of another issuer":  {set("sub_id", map[string]any{"format": "iss_sub", "iss": "https://x.example", "sub": sub}), media, "invalid_request"},
		"of an address":      {set("sub_id", map[string]any{"format": "email", "email": "maria@correo.example"}), media, "invalid_request"},
		"of a session alone": {set("sub_id", map[string]any{"format": "complex", "session": map[string]any{"format": "opaque", "id": sid}}), media, "invalid_request"},
		"no events":          {set("events", nil), media, "invalid_request"},
		"two events":         {set("events", two), media, "invalid_request"},
		"another event":      {set("events", event(risc+"account-purged")), media, "invalid_request"},
		"an event as text":   {set("events", map[string]any{caep + "session-revoked": "x"}), media, "invalid_request"},
		"an event of null":   {set("events", map[string]any{caep + "session-revoked": nil}), media, "invalid_request"},
	} {
		if status, code := w.push(tt.token, tt.media); status != http.StatusBadRequest || code != tt.err {
			t.Errorf("%s: got %d %q, want 400 %q", name, status, code, tt.err)
		}
	}
	if !inside(hers) || !inside(elsewhere) || !inside(his) {
		t.Fatal("a bad token ended a session")
	}
	if got := w.end(set()); got != http.StatusBadRequest || !inside(hers) {
		t.Errorf("as a logout token: got %d, inside %v", got, inside(hers))
	}
	taken := func(token string) {
		t.Helper()
		if status, _ := w.push(token, media); status != http.StatusAccepted {
			t.Errorf("got %d, want 202", status)
		}
	}
	taken(set("jti", "theirs", "sub_id", map[string]any{"format": "iss_sub", "iss": w.issuer, "sub": "nobody"}))
	if !inside(hers) || !inside(his) {
		t.Error("an event of somebody else ended a session")
	}
	taken(set())
	if inside(hers) || !inside(elsewhere) {
		t.Errorf("inside %v, elsewhere %v; want that one session over", inside(hers), inside(elsewhere))
	}
	for range 2 {
		taken(set("jti", "two", "sub_id", user, "events", map[string]any{caep + "credential-change": map[string]any{"change_type": "update"}}))
	}
	if p := elsewhere.Get(w.base + "/"); strings.Count(p.Text(), "Su clave cambió.") != 1 {
		t.Errorf("she is shown %s", p.Text())
	}
	taken(set("jti", "three", "sub_id", user, "events", event(risc+"account-disabled")))
	if inside(elsewhere) || !inside(his) {
		t.Errorf("hers %v, his %v; want all of hers over and his not", inside(elsewhere), inside(his))
	}
	taken(set("jti", "four", "sub_id", user, "events", event(risc+"account-enabled")))
	w.want(w.signIn(rptest.New(t), maria, mariaClave), http.StatusOK, "Su cuenta de Clave IESS se abrió otra vez.")
	w.wire.set(func(w *wire) { w.cut = true })
	if status, _ := w.push(sign(t, other, "new", "secevent+jwt", with("jti", "five")), media); status < 500 {
		t.Errorf("while the provider's keys cannot be had: got %d, want to be asked again", status)
	}
}
