package login

import (
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// The offer is the last rule, and none where the person may not be asked.
func TestNextOffersAPasskeyLast(t *testing.T) {
	now := time.Date(2026, time.November, 22, 15, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		change func(*Progress)
		want   Step
	}{
		{"offered", func(*Progress) {}, StepOffer},
		{"prompt=none", func(p *Progress) { p.Request.Params.Prompt = []string{"none"} }, StepFinish},
		{"not able", func(p *Progress) { p.Session.Offer = false }, StepFinish},
		{"shared computer", func(p *Progress) { p.Session.Shared = true }, StepFinish},
		{"has one", func(p *Progress) { p.Factors.Passkeys = 1 }, StepFinish},
		{"declined", func(p *Progress) { p.Factors.Declined = true }, StepFinish},
		{"an authenticator application, clave alone", func(p *Progress) { p.Factors.TOTP = true }, StepFinish},
		{"an authenticator application, used", func(p *Progress) { p.Factors.TOTP, p.Session.ACR = true, ACR2FA }, StepOffer},
		{"long ago", func(p *Progress) { p.Session.AuthAt = storage.At(now.Add(-5*time.Minute - time.Second)) }, StepFinish},
		{"clave due", func(p *Progress) { p.Clave.DueAt = storage.At(now) }, StepRenew},
		{"notice due", func(p *Progress) { p.Consent = nil }, StepNotice},
	} {
		p := Progress{
			Now: now, SameBrowser: true, FirstParty: true, Renewal: DefaultRenewal(), Reach: ACRPasskey,
			Request: &storage.AuthRequest{ID: "r", Scope: "openid", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Hour))},
			Session: &storage.Session{ID: "s", ACR: ACRClave, Offer: true, CreatedAt: storage.At(now), AuthAt: storage.At(now.Add(-time.Minute))},
			Clave:   &storage.Clave{}, Consent: &storage.Consent{Kind: kindNotice, Scope: "openid"},
		}
		tt.change(&p)
		if got := Next(p); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
