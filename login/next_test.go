package login

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"iess.gob.ec/clave/storage"
)

func TestNextZeroValueRefuses(t *testing.T) {
	if got := Next(Progress{}); got != StepRefuse {
		t.Errorf("got %v", got)
	}
	if got := Next(Progress{Request: &storage.AuthRequest{}}); got != StepOther {
		t.Errorf("got %v", got)
	}
	if got := Next(Progress{Request: &storage.AuthRequest{}, SameBrowser: true}); got != StepExpired {
		t.Errorf("got %v", got)
	}
}

// The table: what is asked, and where it goes.
func TestNext(t *testing.T) {
	now := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	seconds := func(n int64) *int64 { return &n }
	fine := func() Progress {
		return Progress{
			Now: now, SameBrowser: true, FirstParty: true, Renewal: DefaultRenewal(), Reach: ACRClave15,
			Request: &storage.AuthRequest{
				ID: "r", Scope: "openid profile", CreatedAt: storage.At(now.Add(-time.Minute)), ExpiresAt: storage.At(now.Add(time.Hour)),
			},
			Sub: "a",
			Session: &storage.Session{
				ID: "s", AfiliadoID: "a", ACR: ACRClave, CreatedAt: storage.At(now.Add(-10 * time.Minute)), AuthAt: storage.At(now.Add(-10 * time.Minute)),
			},
			Clave:   &storage.Clave{AfiliadoID: "a", DueAt: storage.At(now.Add(time.Hour))},
			Consent: &storage.Consent{Kind: kindNotice, Scope: "openid profile", CreatedAt: storage.At(now.Add(-time.Hour))},
		}
	}
	prove := func(p *Progress) { p.Request.SessionID, p.Request.ProvedAt = "s", storage.At(now) }
	for _, tt := range []struct {
		name   string
		change func(*Progress)
		want   Step
		silent Step // with prompt=none
	}{
		{"nothing due", func(*Progress) {}, StepFinish, StepFinish},
		{"other browser", func(p *Progress) { p.SameBrowser = false }, StepOther, StepOther},
		{"completed", func(p *Progress) { p.Request.CompletedAt = storage.At(now) }, StepDone, StepDone},
		{"expired", func(p *Progress) { p.Request.ExpiresAt = storage.At(now) }, StepExpired, StepExpired},
		{"no session", func(p *Progress) { p.Session, p.Clave, p.Consent = nil, nil, nil }, StepLogin, StepLoginRequired},
		{"max_age over", func(p *Progress) { p.Request.Params.MaxAge = seconds(300) }, StepLogin, StepLoginRequired},
		{"max_age kept", func(p *Progress) { p.Request.Params.MaxAge = seconds(601) }, StepFinish, StepFinish},
		{"max_age huge", func(p *Progress) { p.Request.Params.MaxAge = seconds(1 << 62) }, StepFinish, StepFinish},
		{"max_age 0", func(p *Progress) { p.Request.Params.MaxAge = seconds(0) }, StepLogin, StepLoginRequired},
		{"max_age 0, proved", func(p *Progress) { p.Request.Params.MaxAge = seconds(0); prove(p) }, StepFinish, StepFinish},
		{"proved in another session", func(p *Progress) { p.Request.Params.MaxAge = seconds(0); prove(p); p.Session.ID = "t" }, StepLogin, StepLoginRequired},
		{"hint is she", func(p *Progress) { p.Request.Params.HintedSub = "a" }, StepFinish, StepFinish},
		{"hint is another", func(p *Progress) { p.Request.Params.HintedSub = "b" }, StepLogin, StepLoginRequired},
		{"hint is another, proved", func(p *Progress) { p.Request.Params.HintedSub = "b"; prove(p) }, StepLoginRequired, StepLoginRequired},
		{"clave due", func(p *Progress) { p.Clave.DueAt = storage.At(now) }, StepRenew, StepInteractionRequired},
		{"clave compromised", func(p *Progress) { p.Clave.Compromised = true }, StepRenew, StepInteractionRequired},
		{"clave compromised, no expiry", func(p *Progress) { p.Clave.Compromised = true; p.Renewal = Renewal{} }, StepRenew, StepInteractionRequired},
		{"expiry off", func(p *Progress) { p.Clave.DueAt = storage.At(now); p.Renewal = Renewal{} }, StepFinish, StepFinish},
		{"due within the window", func(p *Progress) {
			p.Window, p.Clave.DueAt = time.Hour, storage.At(now.Add(-9*time.Minute))
		}, StepFinish, StepFinish},
		{"due within the window, at another application", func(p *Progress) {
			p.Window, p.Clave.DueAt = 0, storage.At(now.Add(-9*time.Minute))
		}, StepRenew, StepInteractionRequired},
		{"due before the window", func(p *Progress) {
			p.Window, p.Clave.DueAt = 9*time.Minute, storage.At(now.Add(-9*time.Minute))
		}, StepRenew, StepInteractionRequired},
		{"due within the window, before she signed in", func(p *Progress) {
			p.Window, p.Clave.DueAt = time.Hour, storage.At(now.Add(-10*time.Minute))
		}, StepRenew, StepInteractionRequired},
		{"due within the window, proved again since", func(p *Progress) {
			p.Window, p.Clave.DueAt, p.Session.AuthAt = time.Hour, storage.At(now.Add(-9*time.Minute)), storage.At(now.Add(-time.Minute))
			prove(p)
		}, StepFinish, StepFinish},
		{"due within the window, compromised", func(p *Progress) {
			p.Window, p.Clave.DueAt, p.Clave.Compromised = time.Hour, storage.At(now.Add(-9*time.Minute)), true
		}, StepRenew, StepInteractionRequired},
		{"no clave", func(p *Progress) { p.Clave = nil }, StepFinish, StepFinish},
		{"first visit", func(p *Progress) { p.Consent = nil }, StepNotice, StepInteractionRequired},
		{"more scope", func(p *Progress) { p.Request.Scope += " email" }, StepNotice, StepInteractionRequired},
		{"less scope", func(p *Progress) { p.Request.Scope = "openid" }, StepFinish, StepFinish},
		{"third party, never asked", func(p *Progress) { p.FirstParty, p.Consent = false, nil }, StepConsent, StepConsentRequired},
		{"third party, only told", func(p *Progress) { p.FirstParty = false }, StepConsent, StepConsentRequired},
		{"third party, allowed", func(p *Progress) { p.FirstParty, p.Consent.Kind = false, kindConsent }, StepFinish, StepFinish},
		{"third party, left out", func(p *Progress) {
			p.FirstParty, p.Consent.Kind, p.Consent.Asked, p.Request.Scope = false, kindConsent, "openid profile email", "openid profile email"
		}, StepFinish, StepFinish},
		{"acr met", func(p *Progress) { p.Request.Params.ACRValues = []string{ACRClave} }, StepFinish, StepFinish},
		{"acr stronger than asked", func(p *Progress) {
			p.Session.ACR, p.Request.Params.ACRValues, p.Request.Params.ACREssential = ACRPasskey, []string{ACRClave15}, true
		}, StepFinish, StepFinish},
		{"acr wished, out of reach", func(p *Progress) { p.Request.Params.ACRValues = []string{ACRClave15} }, StepFinish, StepFinish},
		{"acr wished, unknown", func(p *Progress) { p.Request.Params.ACRValues = []string{"urn:x"} }, StepFinish, StepFinish},
		{"acr wished, in reach", func(p *Progress) { p.Request.Params.ACRValues, p.Clave.Long = []string{ACRClave15}, true }, StepLogin, StepInteractionRequired},
		{"acr wished, in reach, proved", func(p *Progress) {
			p.Request.Params.ACRValues, p.Clave.Long = []string{ACRClave15}, true
			prove(p)
		}, StepFinish, StepFinish},
		{"acr wished, she has a passkey", func(p *Progress) {
			p.Request.Params.ACRValues, p.Factors.Passkeys = []string{ACRPasskey}, 1
		}, StepLogin, StepInteractionRequired},
		{"acr wished, she has a passkey and no clave", func(p *Progress) {
			p.Request.Params.ACRValues, p.Factors.Passkeys, p.Clave = []string{ACRClave15}, 1, nil
		}, StepLogin, StepInteractionRequired},
		{"acr wished, she has a passkey, proved", func(p *Progress) {
			p.Request.Params.ACRValues, p.Factors.Passkeys = []string{ACRPasskey}, 1
			prove(p)
		}, StepFinish, StepFinish},
		{"acr essential, she has a passkey", func(p *Progress) {
			p.Request.Params.ACRValues, p.Request.Params.ACREssential, p.Factors.Passkeys, p.Reach = []string{ACRPasskey}, true, 1, ACRPasskey
		}, StepLogin, StepInteractionRequired},
		{"acr essential, she has no passkey", func(p *Progress) {
			p.Request.Params.ACRValues, p.Request.Params.ACREssential, p.Reach = []string{ACRPasskey}, true, ACRPasskey
		}, StepUnmet, StepUnmet},
		{"second step wished", func(p *Progress) { p.Factors = storage.Factors{TOTP: true, SecondStep: true} }, StepSecond, StepInteractionRequired},
		{"second step wished, by codes", func(p *Progress) { p.Factors = storage.Factors{Codes: 1, SecondStep: true} }, StepSecond, StepInteractionRequired},
		{"second step wished, by passkey", func(p *Progress) { p.Factors = storage.Factors{Passkeys: 1, SecondStep: true} }, StepSecond, StepInteractionRequired},
		{"second step wished, nothing left for it", func(p *Progress) { p.Factors.SecondStep = true }, StepFinish, StepFinish},
		{"second step wished, done", func(p *Progress) {
			p.Session.ACR, p.Factors = ACR2FA, storage.Factors{TOTP: true, SecondStep: true}
		}, StepFinish, StepFinish},
		{"second step wished, a passkey instead", func(p *Progress) {
			p.Session.ACR, p.Factors = ACRPasskey, storage.Factors{TOTP: true, SecondStep: true}
		}, StepFinish, StepFinish},
		{"second step possible, nobody wants it", func(p *Progress) { p.Factors = storage.Factors{TOTP: true, Codes: 3} }, StepFinish, StepFinish},
		{"acr 2fa, possible", func(p *Progress) {
			p.Request.Params.ACRValues, p.Factors.TOTP = []string{ACR2FA}, true
		}, StepSecond, StepInteractionRequired},
		{"acr 2fa, possible, clave proved", func(p *Progress) {
			p.Request.Params.ACRValues, p.Factors.Codes = []string{ACR2FA}, 1
			prove(p)
		}, StepSecond, StepInteractionRequired},
		{"acr 2fa, done", func(p *Progress) {
			p.Session.ACR, p.Request.Params.ACRValues, p.Factors.TOTP = ACR2FA, []string{ACR2FA}, true
		}, StepFinish, StepFinish},
		{"acr 2fa or less, possible", func(p *Progress) {
			p.Request.Params.ACRValues, p.Factors.TOTP = []string{ACR2FA, ACRClave}, true
		}, StepFinish, StepFinish},
		{"acr 2fa essential, nothing for it", func(p *Progress) {
			p.Reach, p.Request.Params.ACRValues, p.Request.Params.ACREssential = ACRPasskey, []string{ACR2FA}, true
		}, StepUnmet, StepUnmet},
		{"acr of a long clave, by a second step", func(p *Progress) {
			p.Request.Params.ACRValues, p.Factors.TOTP = []string{ACRClave15}, true
		}, StepSecond, StepInteractionRequired},
		{"second step wished, sign-in first", func(p *Progress) {
			p.Factors, p.Request.Params.MaxAge = storage.Factors{TOTP: true, SecondStep: true}, seconds(0)
		}, StepLogin, StepLoginRequired},
		{"second step wished, renewal after it", func(p *Progress) {
			p.Factors, p.Clave.DueAt = storage.Factors{TOTP: true, SecondStep: true}, storage.At(now)
		}, StepSecond, StepInteractionRequired},
		{"acr essential, out of her reach", func(p *Progress) {
			p.Request.Params.ACRValues, p.Request.Params.ACREssential = []string{ACRClave15}, true
		}, StepUnmet, StepUnmet},
		{"acr essential, out of anybody's", func(p *Progress) {
			p.Request.Params.ACRValues, p.Request.Params.ACREssential, p.Session = []string{ACRPasskey}, true, nil
		}, StepUnmet, StepUnmet},
		{"acr essential, unknown", func(p *Progress) {
			p.Request.Params.ACRValues, p.Request.Params.ACREssential = []string{"urn:x"}, true
		}, StepUnmet, StepUnmet},
		{"acr essential, renewal may reach it", func(p *Progress) {
			p.Request.Params.ACRValues, p.Request.Params.ACREssential, p.Clave.DueAt = []string{ACRClave15}, true, storage.At(now)
		}, StepRenew, StepInteractionRequired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := fine()
			tt.change(&p)
			if got := Next(p); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			p.Request.Params.Prompt = []string{"none"}
			if got := Next(p); got != tt.silent {
				t.Errorf("silently: got %v, want %v", got, tt.silent)
			}
		})
	}
	for prompt, want := range map[string]Step{"login": StepLogin, "select_account": StepLogin, "consent": StepNotice} {
		p := fine()
		p.Request.Params.Prompt = []string{prompt}
		if got := Next(p); got != want {
			t.Errorf("prompt=%s: got %v, want %v", prompt, got, want)
		}
	}
	answered := fine()
	answered.Request.Params.Prompt = []string{"consent"}
	answered.Consent.CreatedAt = storage.At(now)
	if got := Next(answered); got != StepFinish {
		t.Errorf("prompt=consent, answered: got %v", got)
	}
}

// Whatever is asked and whoever answers: the way ends, each step comes once, and
// prompt=none asks nobody anything.
func TestNextEndsAndAsksOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := arbitrary(t)
		none := slices.Contains(p.Request.Params.Prompt, "none")
		type asked struct {
			step Step
			who  string // another person who signs in on the way has steps of her own
		}
		seen := map[asked]bool{}
		for range 10 {
			step := Next(p)
			if none && step.Interactive() {
				t.Fatalf("prompt=none asks: %v", step)
			}
			if !step.Interactive() {
				code, _ := step.OAuthError()
				if step != StepFinish && step < StepLoginRequired && step != StepExpired && step != StepDone && step != StepOther || step >= StepLoginRequired && code == "" {
					t.Fatalf("ends in %v", step)
				}
				if step == StepFinish && (p.Session == nil || p.Consent == nil) {
					t.Fatal("finished without a person or without telling her")
				}
				return
			}
			ask := asked{step: step}
			if step != StepLogin {
				ask.who = p.Session.AfiliadoID
			}
			if seen[ask] {
				t.Fatalf("asked twice: %+v", ask)
			}
			seen[ask] = true
			p.Now = p.Now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			p = answer(t, p, step)
		}
		t.Fatal("no end")
	})
}

// A declared window changes one thing only: the renewal of a clave that expired
// within it, while its person was signed in. No other application is affected.
func TestS092_WindowChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := arbitrary(t)
		p.Window = 0
		without := Next(p)
		p.Window = time.Duration(rapid.IntRange(0, 2*60*60).Draw(t, "window")) * time.Second
		with := Next(p)
		running := p.Session != nil && p.Clave != nil && !p.Clave.Compromised && p.Clave.DueAt.Past(p.Now) &&
			p.Session.CreatedAt.Before(p.Clave.DueAt.Time) && p.Now.Sub(p.Clave.DueAt.Time) < p.Window
		renews := without == StepRenew || without == StepInteractionRequired && running
		switch {
		case !running && with != without, with != without && !renews:
			t.Fatalf("the window leads to %v instead of %v", with, without)
		case running && with == StepRenew:
			t.Fatal("a transaction within the window is interrupted")
		}
	})
}

func arbitrary(t *rapid.T) Progress {
	now := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
	acr := rapid.SampledFrom([]string{ACRClave, ACRClave15, ACR2FA, ACRPasskey, "urn:other"})
	scope := strings.Join(rapid.SliceOfDistinct(rapid.SampledFrom([]string{"openid", "profile", "email", "cedula"}), rapid.ID).Draw(t, "scope"), " ")
	p := Progress{
		Now: now, SameBrowser: true, FirstParty: maybe("first party"), Renewal: DefaultRenewal(), Reach: ACRClave15,
		Request: &storage.AuthRequest{ID: "r", Scope: scope, CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(24 * time.Hour))},
		Window:  time.Duration(rapid.IntRange(0, 90).Draw(t, "window in minutes")) * time.Minute,
	}
	ask := &p.Request.Params
	ask.Prompt = rapid.SampledFrom([][]string{nil, {"none"}, {"login"}, {"consent"}, {"login", "consent"}, {"select_account"}}).Draw(t, "prompt")
	ask.ACRValues = rapid.SliceOfN(acr, 0, 3).Draw(t, "acr")
	ask.ACREssential = len(ask.ACRValues) > 0 && maybe("essential")
	if maybe("max_age") {
		seconds := rapid.Int64Range(0, 100).Draw(t, "max_age value")
		ask.MaxAge = &seconds
	}
	if maybe("hint") {
		ask.HintedSub = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "sub")
	}
	if maybe("session") {
		p.Sub = "a"
		p.Session = &storage.Session{ID: "s0", AfiliadoID: "a", ACR: acr.Draw(t, "session acr"), AuthAt: storage.At(now.Add(-time.Minute))}
		p.Session.CreatedAt = storage.At(now.Add(-time.Duration(rapid.IntRange(1, 120).Draw(t, "signed in for")) * time.Minute))
		p.Clave, p.Factors = person(t, now), factors(t)
		if maybe("consent") {
			p.Consent = &storage.Consent{Kind: rapid.SampledFrom([]string{kindNotice, kindConsent}).Draw(t, "kind"), Scope: "openid", CreatedAt: storage.At(now.Add(-time.Hour))}
		}
	}
	return p
}

func person(t *rapid.T, now time.Time) *storage.Clave {
	c := &storage.Clave{Long: rapid.Bool().Draw(t, "long"), Compromised: rapid.Bool().Draw(t, "compromised")}
	if rapid.Bool().Draw(t, "due") {
		c.DueAt = storage.At(now.Add(-time.Hour))
	}
	return c
}

func factors(t *rapid.T) storage.Factors {
	return storage.Factors{
		Passkeys: rapid.IntRange(0, 1).Draw(t, "passkeys"), TOTP: rapid.Bool().Draw(t, "totp"),
		Codes: rapid.IntRange(0, 1).Draw(t, "codes"), SecondStep: rapid.Bool().Draw(t, "second step"),
	}
}

// answer is p after the person has done what the step asks.
func answer(t *rapid.T, p Progress, step Step) Progress {
	switch step {
	case StepLogin:
		who := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "who")
		if p.Session == nil || p.Session.AfiliadoID != who {
			p.Clave, p.Consent = person(t, p.Now), nil
		}
		p.Sub = who
		p.Factors = factors(t)
		p.Session = &storage.Session{ID: "s1", AfiliadoID: who, ACR: acrOf(p.Clave != nil && p.Clave.Long), AuthAt: storage.At(p.Now), CreatedAt: storage.At(p.Now)}
		p.Request.SessionID, p.Request.ProvedAt = "s1", storage.At(p.Now)
		if secondDue(p.Factors, p.Session.ACR, p.Request) { // before there is a session
			p.Session.ACR = ACR2FA
		}
	case StepSecond:
		p.Session.ACR = ACR2FA
	case StepRenew:
		long := rapid.Bool().Draw(t, "new one long")
		p.Clave = &storage.Clave{Long: long, DueAt: storage.At(p.Now.Add(time.Hour))}
		typed := rapid.Bool().Draw(t, "present one typed")
		if !Satisfies(p.Session.ACR, ACR2FA) {
			p.Session.ACR = acrOf(long)
			if typed {
				p.Session.AuthAt = storage.At(p.Now)
				p.Request.SessionID, p.Request.ProvedAt = p.Session.ID, p.Session.AuthAt
			}
		}
	case StepNotice, StepConsent:
		p.Consent = &storage.Consent{Kind: kindNotice, Scope: p.Request.Scope, CreatedAt: storage.At(p.Now)}
		if step == StepConsent {
			p.Consent.Kind, p.Consent.Asked, p.Consent.Scope = kindConsent, p.Request.Scope, "openid"
		}
	}
	return p
}
