package rp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage"
)

// forged replaces the ID token of a token response by what f makes of its parts.
func forged(path string, body []byte, f func(header, payload map[string]any) (h, p map[string]any, signature string)) []byte {
	var m map[string]any
	if path != "/oauth/token" || json.Unmarshal(body, &m) != nil {
		return body
	}
	token, _ := m["id_token"].(string)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return body
	}
	header, payload := object(parts[0]), object(parts[1])
	header, payload, signature := f(header, payload)
	if signature == "" {
		signature = parts[2]
	}
	m["id_token"] = encode(header) + "." + encode(payload) + "." + strings.TrimSuffix(signature, "-")
	body, _ = json.Marshal(m)
	return body
}

func object(part string) map[string]any {
	var m map[string]any
	raw, _ := base64.RawURLEncoding.DecodeString(part)
	_ = json.Unmarshal(raw, &m)
	return m
}

func encode(m map[string]any) string {
	raw, _ := json.Marshal(m)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func TestTamperedAnswersAreRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	type parts = map[string]any
	for name, change := range map[string]func(path string, body []byte) []byte{
		"another subject": func(path string, body []byte) []byte {
			return forged(path, body, func(h, p parts) (parts, parts, string) { p["sub"] = "somebody"; return h, p, "" })
		},
		"a stronger acr": func(path string, body []byte) []byte {
			return forged(path, body, func(h, p parts) (parts, parts, string) { p["acr"] = "urn:iess:acr:passkey"; return h, p, "" })
		},
		"alg none": func(path string, body []byte) []byte {
			return forged(path, body, func(h, p parts) (parts, parts, string) { h["alg"] = "none"; return h, p, "-" })
		},
		"HMAC with the public key's name": func(path string, body []byte) []byte {
			return forged(path, body, func(h, p parts) (parts, parts, string) { h["alg"] = "HS256"; return h, p, "" })
		},
		"no ID token": func(path string, body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"id_token"`), []byte(`"other"`))
		},
		"userinfo of somebody else": func(path string, body []byte) []byte {
			if path != "/oauth/userinfo" {
				return body
			}
			return []byte(`{"sub":"somebody","name":"Otra"}`)
		},
		"no JSON": func(path string, body []byte) []byte {
			if path != "/oauth/token" {
				return body
			}
			return []byte("<html>")
		},
	} {
		b := rptest.New(t)
		w.wire.set(func(x *wire) { x.change = change })
		p := w.signIn(b, maria, mariaClave)
		if p.Status != http.StatusBadGateway || !strings.Contains(p.Text(), "No pudimos completar") {
			t.Errorf("%s: %d %s", name, p.Status, p.Text())
		}
		if p := b.Get(w.base + "/"); strings.Contains(p.Text(), "María") || !p.Has("ingresar") {
			t.Errorf("%s: signed in all the same", name)
		}
	}
}

func TestASVS_10_5_3_AnotherIssuersMetadataIsRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.wire.set(func(x *wire) {
		x.change = func(path string, body []byte) []byte {
			if path != "/.well-known/openid-configuration" {
				return body
			}
			return bytes.ReplaceAll(body, []byte(`"issuer":"`+w.issuer+`"`), []byte(`"issuer":"https://clave.example"`))
		}
	})
	b := rptest.New(t)
	b.Get(w.base + "/")
	w.want(b.Press("ingresar", nil), http.StatusBadGateway, "No pudimos completar")
	w.wire.set(func(x *wire) { x.change = nil })
	w.want(w.signIn(b, maria, mariaClave), http.StatusOK, "María Fernanda") // nothing of it was kept
}

func TestUnreachableProvider(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.wire.set(func(x *wire) { x.cut = true })
	b.Get(w.base + "/")
	w.want(b.Press("ingresar", nil), http.StatusServiceUnavailable, "Clave IESS no responde")
	w.wire.set(func(x *wire) { x.cut = false })
	w.want(w.signIn(b, maria, mariaClave), http.StatusOK, "María Fernanda")
	// A session goes on with what it has while its renewal cannot be asked for.
	w.wire.set(func(x *wire) { x.cut = true })
	w.clocks(11*time.Minute, 0)
	w.want(b.Get(w.base+"/"), http.StatusOK, "María Fernanda")
}

func TestRefresh(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := rptest.New(t)
		w.want(w.signIn(b, maria, mariaClave), http.StatusOK, "María Fernanda")
		if n := w.wire.refreshes(); n != 0 {
			t.Fatalf("%d refreshes before the access token ran out", n)
		}
		w.clocks(11*time.Minute, 0)
		w.want(b.Get(w.base+"/datos"), http.StatusOK, maria)
		if n := w.wire.refreshes(); n != 1 {
			t.Errorf("%d refreshes, want 1", n)
		}
		// Once the provider lets the person go, so does the application.
		a, err := w.db.AfiliadoByIdentifier(t.Context(), maria)
		if err != nil {
			t.Fatal(err)
		}
		err = w.db.InTx(t.Context(), func(tx *storage.Tx) error {
			return tx.DisableAfiliado(t.Context(), a.ID, "prueba", time.Now())
		})
		if err != nil {
			t.Fatal(err)
		}
		w.clocks(22*time.Minute, 0)
		w.want(b.Get(w.base+"/datos"), http.StatusUnauthorized, "Ingrese para continuar")
	})
}

func TestIdleSessionEnds(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.signIn(b, maria, mariaClave)
	w.clocks(14*time.Minute, 0)
	w.want(b.Get(w.base+"/"), http.StatusOK, "María Fernanda")
	w.clocks(28*time.Minute, 0)
	w.want(b.Get(w.base+"/"), http.StatusOK, "María Fernanda")
	w.clocks(43*time.Minute, 0)
	w.want(b.Get(w.base+"/datos"), http.StatusUnauthorized, "venció por falta de uso")
}
