package rp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func TestParseDollars(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want dollars
		ok   bool
	}{
		{"800", 800_00, true},
		{" USD 1.500 ", 1500_00, true},
		{"$1.500,50", 1500_50, true},
		{"1500,5", 1500_50, true},
		{"1 000", 1000_00, true},
		{"100.000", 100_000_00, true},
		{"100000,01", 0, false},
		{"0,99", 0, false},
		{"1.50", 0, false},
		{"1.5000", 0, false},
		{"1500.000", 0, false},
		{"1,234", 0, false},
		{"1,", 0, false},
		{"-5", 0, false},
		{"١٢٣", 0, false},
		{"1e3", 0, false},
		{"", 0, false},
		{strings.Repeat("9", 400), 0, false},
	} {
		if got, ok := parseDollars(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("parseDollars(%q) = %d, %v, want %d, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseDollars(f *testing.F) {
	for _, s := range []string{"800", "1.500,50", "$ 1", "", ",", "1.000.000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := parseDollars(s)
		if !ok {
			return
		}
		if again, ok := parseDollars(d.String()); !ok || again != d {
			t.Errorf("%q is %d, written %q, read again %d", s, d, d, again)
		}
	})
}

func FuzzOnce(f *testing.F) {
	for _, s := range []string{"state=a&code=b&iss=c", "state=a&state=b", "%zz", "state", "code=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := once(s, "state", "code")
		if err == nil && len(q) > 2 {
			t.Errorf("%q gave %v", s, q)
		}
	})
}

func FuzzFacts(f *testing.F) {
	for _, s := range []string{`{"sub":"x","auth_time":1,"tipo_asegurado":["a"]}`, `[]`, `{`, `{"a":{"b":[1]}}`, `{"exp":1e400}`} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) { facts([]byte(s)) })
}

func TestFactsLeaveNothingOut(t *testing.T) {
	got := facts([]byte(`{"sub":"s","email_verified":true,"tipo_asegurado":["afiliado","pensionista"],"birthdate":"1985-03-14",` +
		`"phone_number":"+593991234567","auth_time":1795332600,"x":{"y":1}}`))
	want := []fact{
		{"sub", "Identificador para esta aplicación", "s"},
		{"email_verified", "Correo comprobado", "Sí"},
		{"tipo_asegurado", "Tipo de asegurado", "afiliado, pensionista"},
		{"birthdate", "Fecha de nacimiento", "14 de marzo de 1985"},
		{"phone_number", "Teléfono", "099 123 4567"},
		{"auth_time", "Hora del ingreso", "22 de noviembre de 2026, 02:30"},
		{"x", "x", `{"y":1}`},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}

func TestNeed(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, tt := range []struct {
		name          string
		monto         dollars
		acr           string
		age           time.Duration
		fresh, strong bool
	}{
		{"small, recent", 1000_00, "urn:iess:acr:clave", 5 * time.Minute, true, true},
		{"small, old", 1_00, "urn:iess:acr:passkey", 5*time.Minute + time.Second, false, true},
		{"large, plain clave", 1000_01, "urn:iess:acr:clave", 0, true, false},
		{"large, long clave", 1000_01, "urn:iess:acr:clave15", 0, true, true},
		{"large, second step", 5000_00, "urn:iess:acr:2fa", 0, true, true},
		{"large, passkey", 5000_00, "urn:iess:acr:passkey", 0, true, true},
		{"large, unknown level", 5000_00, "urn:iess:acr:best", 0, true, false},
		{"large, no level", 5000_00, "", 0, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := needOf(tt.monto, 5*time.Minute)
			if got := n.fresh(now.Add(-tt.age), now); got != tt.fresh {
				t.Errorf("fresh %v, want %v", got, tt.fresh)
			}
			if got := n.strong(tt.acr); got != tt.strong {
				t.Errorf("strong %v, want %v", got, tt.strong)
			}
		})
	}
	if needOf(1_00, time.Minute).fresh(time.Time{}, now) {
		t.Error("no auth_time counts as recent")
	}
}

// T06: of a clave recovered less than 72 hours ago a small amount asks nothing, a
// large one that it waits. What the provider says of it in either place counts, and
// what cannot be true is no "never".
func TestT06_ALargeAmountWaitsAfterARecovery(t *testing.T) {
	now := time.Date(2026, 12, 5, 15, 59, 0, 0, time.UTC)
	at := func(ago time.Duration) string { return fmt.Sprintf(`"recovered_at":%d`, now.Add(-ago).Unix()) }
	token := func(claims string) string {
		return "." + base64.RawURLEncoding.EncodeToString([]byte("{"+claims+"}")) + "."
	}
	const hours71, hours72 = 71*time.Hour + 59*time.Minute, 72 * time.Hour
	for _, tt := range []struct {
		name, id, info string
		monto          dollars
		want           time.Duration // from now on; 0: at once
		untrusted      bool
	}{
		{"never", ``, ``, 1000_01, 0, false},
		{"just now, small", at(0), at(0), 1000_00, 0, false},
		{"just now", at(0), at(0), 1000_01, hours72, false},
		{"71:59 ago", at(hours71), at(hours71), 1000_01, time.Minute, false},
		{"a second less than 72:00", at(hours72 - time.Second), ``, 1000_01, time.Second, false},
		{"72:00 ago", at(hours72), at(hours72), 1000_01, 0, false},
		{"in the ID token alone", at(hours71), ``, 1000_01, time.Minute, false},
		{"at userinfo alone", ``, at(hours71), 1000_01, time.Minute, false},
		{"the later counts", at(hours71), at(hours72), 1000_01, time.Minute, false},
		{"wherever it is", at(hours72), at(hours71), 1000_01, time.Minute, false},
		{"clocks that differ", at(-skew), ``, 1000_01, hours72 + skew, false},
		{"of the future", at(-skew - time.Second), ``, 1000_01, 0, true},
		{"in milliseconds", fmt.Sprintf(`"recovered_at":%d`, now.UnixMilli()), ``, 1000_01, 0, true},
		{"beyond all numbers", `"recovered_at":1e300`, ``, 1000_01, 0, true},
		{"a text", ``, `"recovered_at":"1795332600"`, 1000_01, 0, true},
		{"nothing", `"recovered_at":null`, ``, 1000_01, 0, true},
		{"zero", `"recovered_at":0`, ``, 1000_01, 0, true},
		{"another claim", `"Recovered_At":` + at(0)[len(`"recovered_at":`):], ``, 1000_01, 0, false},
		{"unreadable, small", ``, `"recovered_at":"x"`, 1000_00, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := known{tokens: tokens{id: token(tt.id)}, userinfo: json.RawMessage("{" + tt.info + "}")}
			from, err := k.waits(needOf(tt.monto, time.Minute), now)
			if errors.Is(err, errUntrusted) != tt.untrusted || !tt.untrusted && err != nil {
				t.Fatal(err)
			}
			if tt.want == 0 && !from.IsZero() || tt.want != 0 && !from.Equal(now.Add(tt.want)) {
				t.Errorf("from %s, want in %s", from, tt.want)
			}
		})
	}
	if _, err := (known{userinfo: json.RawMessage(`{}`)}).waits(needOf(1000_01, time.Minute), now); !errors.Is(err, errUntrusted) {
		t.Errorf("no ID token: %v", err)
	}
}

func TestASVS_10_5_4_OtherPeoplesIDTokensAreRefused(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	good := func() *oidc.IDTokenClaims {
		c := &oidc.IDTokenClaims{}
		c.Nonce, c.Audience, c.Subject, c.AuthTime = "n", oidc.Audience{"app"}, "s", oidc.FromTime(now.Add(-time.Minute))
		return c
	}
	if err := checkLogin(good(), "app", "n", 5*time.Minute, now); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*oidc.IDTokenClaims){
		"ASVS 10.5.1 another nonce":   func(c *oidc.IDTokenClaims) { c.Nonce = "other" },
		"no nonce":                    func(c *oidc.IDTokenClaims) { c.Nonce = "" },
		"ASVS 10.5.4 another client":  func(c *oidc.IDTokenClaims) { c.Audience = oidc.Audience{"other"} },
		"a second audience":           func(c *oidc.IDTokenClaims) { c.Audience = oidc.Audience{"app", "other"} },
		"no subject":                  func(c *oidc.IDTokenClaims) { c.Subject = "" },
		"endless subject":             func(c *oidc.IDTokenClaims) { c.Subject = strings.Repeat("s", 256) },
		"no auth_time":                func(c *oidc.IDTokenClaims) { c.AuthTime = 0 },
		"auth_time older than asked":  func(c *oidc.IDTokenClaims) { c.AuthTime = oidc.FromTime(now.Add(-6 * time.Minute)) },
		"auth_time in the far future": func(c *oidc.IDTokenClaims) { c.AuthTime = oidc.FromTime(now.Add(time.Minute)) },
	} {
		c := good()
		spoil(c)
		if err := checkLogin(c, "app", "n", 5*time.Minute, now); !errors.Is(err, errUntrusted) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCheckRefreshed(t *testing.T) {
	before := &oidc.IDTokenClaims{}
	before.Nonce, before.Audience, before.Subject, before.Issuer, before.AuthTime = "n", oidc.Audience{"app"}, "s", "i", 1000
	for _, tt := range []struct {
		name  string
		spoil func(*oidc.IDTokenClaims)
		ok    bool
	}{
		{"the same", func(*oidc.IDTokenClaims) {}, true},
		{"without a nonce", func(c *oidc.IDTokenClaims) { c.Nonce = "" }, true},
		{"another nonce", func(c *oidc.IDTokenClaims) { c.Nonce = "x" }, false},
		{"another person", func(c *oidc.IDTokenClaims) { c.Subject = "x" }, false},
		{"another issuer", func(c *oidc.IDTokenClaims) { c.Issuer = "x" }, false},
		{"a newer sign-in", func(c *oidc.IDTokenClaims) { c.AuthTime = 2000 }, false},
		{"another client", func(c *oidc.IDTokenClaims) { c.Audience = oidc.Audience{"x"} }, false},
	} {
		c := *before
		tt.spoil(&c)
		if err := checkRefreshed(&c, before, "app"); (err == nil) != tt.ok {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	m := newMemory[int](2)
	m.put("a", 1, now, now.Add(time.Minute))
	m.put("b", 2, now, now.Add(time.Second))
	m.put("c", 3, now, now.Add(time.Hour)) // b would expire first
	if _, ok := m.get("b", now); ok {
		t.Error("the fullest memory kept three")
	}
	if v, ok := m.get("a", now); !ok || v != 1 {
		t.Errorf("got %v, %v, want 1", v, ok)
	}
	if _, ok := m.get("a", now.Add(time.Minute)); ok {
		t.Error("an expired value is still there")
	}
	if _, ok := m.take("c", now); !ok {
		t.Error("c is gone")
	}
	if _, ok := m.take("c", now); ok {
		t.Error("c was taken twice")
	}
}

func TestDueWarning(t *testing.T) {
	day := time.Date(2026, 12, 5, 5, 0, 0, 0, time.UTC) // midnight in Ecuador
	claims := func(due string) json.RawMessage { return json.RawMessage(`{"sub":"s"` + due + `}`) }
	for _, tt := range []struct {
		name, due string
		now       time.Time
		want      string // "": no warning
	}{
		{"no claim", "", day, ""},
		{"not a number", `,"clave_due_at":"pronto"`, day, ""},
		{"in 30 days", fmt.Sprintf(`,"clave_due_at":%d`, day.Unix()), day.AddDate(0, 0, -30), ""},
		{"in fewer", fmt.Sprintf(`,"clave_due_at":%d`, day.Unix()), day.AddDate(0, 0, -30).Add(time.Second), "5 de diciembre de 2026"},
		{"on the day", fmt.Sprintf(`,"clave_due_at":%d`, day.Unix()), day.Add(23 * time.Hour), "5 de diciembre de 2026"},
		{"over", fmt.Sprintf(`,"clave_due_at":%d`, day.Unix()), day.Add(24 * time.Hour), "venció 5 de diciembre de 2026"},
	} {
		got := ""
		if w := (known{userinfo: claims(tt.due)}).warning("/cambio", tt.now); w != nil {
			if got = w.Day; w.Past {
				got = "venció " + got
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
