package templates

import (
	"strings"
	"testing"
)

// What people accepted may not change under them (LAW-20): new words need a new file, and a new line here.
func TestLAW20_AgreementNeverChanges(t *testing.T) {
	want := map[string]string{
		"2026-11-22": "8dd71f73353187871b92cb402135406443bda889ea0f05aeb363b567f318496e",
	}
	p := parsed(t)
	for version, hash := range want {
		a, ok := p.AgreementVersion(version)
		if !ok || a.Hash != hash {
			t.Errorf("version %s has hash %q, want %q", version, a.Hash, hash)
		}
		if got := body(t, p, Acuerdo{Agreement: a}); !strings.Contains(got, version) {
			t.Errorf("the page of version %s does not say so", version)
		}
	}
	if len(p.agreements[acuerdo]) != len(want) {
		t.Errorf("%d versions, %d known", len(p.agreements[acuerdo]), len(want))
	}
	if _, ok := p.AgreementVersion("2020-01-01"); ok {
		t.Error("a version exists that never was")
	}
	if p.Agreement().Version == "" || p.Agreement().Hash == "" {
		t.Error("no version is in force")
	}
}

func TestS093_S097_AgreementSaysTheAdvice(t *testing.T) {
	got := body(t, parsed(t), Acuerdo{})
	for _, want := range []string{
		"personal e intransferible", "nunca le pide su clave", "cierre la sesión", "gestor de claves o en un lugar privado", "haga trámites por usted",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}
