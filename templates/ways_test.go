package templates

import (
	"slices"
	"strings"
	"testing"
)

// D04: a way that is off is told by no page and no mail in either language; the
// others still are.
func TestD04_WaysThatAreOffAreToldNowhere(t *testing.T) {
	told := map[Way][]string{
		WayVideo:      {"videollamada", "video call"},
		WayVentanilla: {"ventanilla", "jpg"},
		WayCAU:        {"#cau", `id="cau"`, "<b>centro de atención universal", "<b>service centre", "vaya a un centro", "go to a service centre"},
		WayAgency:     {"agencia", "agency"},
		WayMail: {
			`action="/desbloqueo" novalidate`, "/desbloqueo/reenviar", "/desbloqueo/codigo", "enlace al correo que tiene", "a link to the mailbox on record",
			"registré mi huella", "my fingerprint is registered", "si registró su huella", "if your fingerprint", "desbloquear por correo,", "to unlock by e-mail,",
		},
	}
	tells := func(text string, w Way) string {
		text = strings.ToLower(text)
		for _, word := range told[w] {
			if strings.Contains(text, word) {
				return word
			}
		}
		return ""
	}
	// Nothing leads to the first two then; what was sent before may still be listed.
	apart := []string{"mailsent", "codeentry", "messages"}
	for _, off := range Ways() {
		t.Run(string(off), func(t *testing.T) {
			t.Parallel()
			p, err := Parse(Config{Issuer: testIssuer, Without: []Way{off}})
			if err != nil {
				t.Fatal(err)
			}
			if p.Offers(off) || !parsed(t).Offers(off) {
				t.Error("it does not say what it offers")
			}
			for _, lang := range Languages() {
				subject, _, _, err := p.RenderMail(lang, MailUnlockLink{})
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range States(lang) {
					if off == WayMail && slices.Contains(apart, s.Page.name()) || s.Page.name() == "acuerdo" {
						continue
					}
					if dead, ok := s.Page.(LinkExpired); ok {
						dead.Resend = false // as its handler says then
						s.Page = dead
						if again := strings.Contains(strings.ToLower(body(t, p, dead)), "pida otro"); off == WayMail && dead.Purpose == LinkToUnlock && again {
							t.Errorf("%s offers another link", s.Name)
						}
					}
					got := body(t, p, s.Page)
					if m := tells(got, off); m != "" {
						t.Errorf("%s %s tells %q", lang, s.Name, m)
					}
					if off == WayMail && strings.Contains(got, subject) {
						t.Errorf("%s %s names the mail that nobody gets", lang, s.Name)
					}
				}
				for _, w := range Ways()[1:] {
					if help := body(t, p, Ayuda{Layout: Layout{Lang: lang}}); (tells(help, w) == "") != (w == off) {
						t.Errorf("%s: /ayuda tells of %s: %v", lang, w, w != off)
					}
				}
				for _, s := range MailStates() {
					_, text, html, err := p.RenderMail(lang, s.Sample(testIssuer))
					if err != nil {
						t.Fatal(err)
					}
					if m := tells(text+html, off); m != "" && off != WayMail {
						t.Errorf("%s mail %s tells %q", lang, s.Name, m)
					}
				}
			}
		})
	}
}

// D04: without the mail the page has the ways and no field, with all it needs.
func TestD04_UnlockPageWithoutMail(t *testing.T) {
	p, err := Parse(Config{Issuer: testIssuer, Without: Ways()})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range Languages() {
		got := body(t, p, Unlock{Layout: Layout{Lang: lang}, Goal: sampleGoal(), Expires: 24 * 60 * 60 * 1e9})
		for _, word := range []string{`href="tel:`, `href="/generar-recuperar"`, `name="cancelar"`, "24 h"} {
			if !strings.Contains(got, word) {
				t.Errorf("%s lacks %q", lang, word)
			}
		}
		if strings.Contains(got, "<input ") && !strings.Contains(got, `type="hidden"`) || strings.Contains(got, "data-reto") {
			t.Errorf("%s has a field", lang)
		}
		_, text, _, err := p.RenderMail(lang, MailUnlockAssisted{Reason: ReasonOperador})
		if err != nil || !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), "394 5666.") {
			t.Errorf("%s: a mail without any way on: %v\n%s", lang, err, text)
		}
	}
}

// D04: the ways have an address of their own where there is one, and a section.
func TestD04_EveryWayHasASection(t *testing.T) {
	p, err := Parse(Config{Issuer: testIssuer, Channels: []Channel{{"ventanilla", "https://ventanilla.example/"}}})
	if err != nil {
		t.Fatal(err)
	}
	got := body(t, p, Ayuda{})
	for _, w := range Ways()[1:] {
		if !strings.Contains(got, `id="`+w.Anchor()+`"`) || !strings.Contains(body(t, p, Unlock{}), `/ayuda#`+w.Anchor()) {
			t.Errorf("%s has no section, or nothing leads there", w)
		}
	}
	if !strings.Contains(got, `href="https://ventanilla.example/"`) {
		t.Error("the address of the Ventanilla is not there")
	}
	if _, err := Parse(Config{Issuer: testIssuer, Without: []Way{"fax"}}); err == nil {
		t.Error("a way nobody knows was taken")
	}
	if slices.Contains(parsed(t).post["en"].site.assisted(), WayMail) {
		t.Error("a mail leads to no person")
	}
}

// D04: who is told of a lock is told when it ends, and when it has ended.
func TestD04_LocksSayWhenTheyEnd(t *testing.T) {
	end := sampleTime().Add(24 * 60 * 60 * 1e9)
	for lang, date := range map[string]string{"es-EC": "23 de noviembre de 2026, 11:05", "en": "23 November 2026, 11:05"} {
		if got := body(t, parsed(t), Locked{Layout: Layout{Lang: lang}, Reason: ReasonLogin, Until: end}); !strings.Contains(got, date) {
			t.Errorf("%s: the page does not say when", lang)
		}
		_, text, _, err := parsed(t).RenderMail(lang, MailClaveLocked{Reason: ReasonLogin, Until: end})
		if err != nil || !strings.Contains(strings.Join(strings.Fields(text), " "), date) {
			t.Errorf("%s: the mail does not say when: %v\n%s", lang, err, text)
		}
		_, text, _, err = parsed(t).RenderMail(lang, MailClaveUnlocked{When: end, Expired: true, Disavow: testIssuer + "/enlace/x"})
		if err != nil || strings.Contains(text, "enlace que enviamos") || strings.Contains(text, "link we sent") || !strings.Contains(text, "/enlace/x") {
			t.Errorf("%s: %v\n%s", lang, err, text)
		}
		if strings.Contains(text, "SI FUE USTED") || strings.Contains(text, "IF THIS WAS YOU") { // it was nobody
			t.Errorf("%s: it asks who ended it\n%s", lang, text)
		}
	}
}
