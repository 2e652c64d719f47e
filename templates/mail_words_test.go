package templates

import (
	"strings"
	"testing"
	"time"
)

func TestT26_MailsKeepHostileNamesHarmless(t *testing.T) {
	p := parsed(t)
	const evil = "Ana\r\nBcc: todos@evil.example\r\n\r\n<script>alert(1)</script>\u202e http://evil.example/x www.evil.example evil。example " +
		`"'&lt;{{.Name}}<img src=x onerror=alert(1)>` + "\x00"
	when := sampleTime()
	for _, m := range []Mail{
		MailClaveChanged{Name: evil, When: when, Network: evil, Device: evil},
		MailClaveRenewed{Name: evil, When: when, Network: evil, Device: evil},
		MailClaveLocked{Name: evil, When: when, Network: evil, Device: evil, Reason: Reason(evil)},
		MailClaveUnlocked{Name: evil, When: when, Network: evil, Device: evil},
		MailNewDevice{Name: evil, When: when, Network: evil, Device: evil, Application: evil, Also: []Also{{evil, when}}},
		MailUnlockLink{Name: evil, When: when, Network: evil, Device: evil, Code: evil},
		MailUnlockAssisted{Name: evil, When: when, Network: evil, Device: evil, Reason: Reason(evil)},
		MailRenewalDue{Name: evil, Due: when, Days: -1},
		MailContactChanged{Name: evil, When: when},
		MailAccountDisabled{Name: evil, When: when},
		MailGenerateLink{Name: evil, When: when, Network: evil, Device: evil},
		MailGenerateHeld{Name: evil, When: when, Network: evil, Device: evil},
		MailQuestionsPassed{Name: evil, When: when, Network: evil, Device: evil},
		MailQuestionsSpent{Name: evil, When: when, Network: evil, Device: evil},
		MailRecovered{Name: evil, When: when, Network: evil, Device: evil},
		MailContactNew{When: when, Network: evil, Device: evil},
		MailContactOld{Name: evil, When: when, Network: evil, Device: evil},
		MailContactApplied{Name: evil, When: when},
		MailFactor{Kind: KeyAdded, Name: evil, When: when, Network: evil, Device: evil, Made: evil},
	} {
		t.Run(m.Template(), func(t *testing.T) {
			got := send(t, p, "es-EC", m)
			for _, form := range []string{got.text, got.html} {
				for _, bad := range []string{"\r", "\x00", "\u202e", "//evil", "evil.example", "@", "\nBcc", "<script", "onerror=alert(1)>", "evil。"} {
					if strings.Contains(form, bad) {
						t.Errorf("there is %q", bad)
					}
				}
			}
			if strings.ContainsAny(got.subject, "\r\n") || strings.Contains(got.subject, "Ana") {
				t.Errorf("subject %q", got.subject)
			}
			for _, e := range elements(got.root) {
				if e.Data == "script" || e.Data == "img" {
					t.Errorf("markup got in: %s", e.Data)
				}
			}
		})
	}
}

func TestClockSpeaksGuayaquil(t *testing.T) {
	p := parsed(t)
	at := func(hour, minute int) time.Time {
		return time.Date(2026, time.November, 22, hour, minute, 0, 0, time.UTC)
	}
	for _, tt := range []struct {
		t    time.Time
		want string
	}{
		{at(16, 8), "a las 11:08"}, {at(6, 5), "a la 01:05"}, {at(18, 0), "a las 13:00"}, {at(4, 59), "a las 23:59"},
	} {
		if got, err := p.post["es-EC"].c.at(tt.t); err != nil || got != tt.want {
			t.Errorf("got %q, %v, want %q", got, err, tt.want)
		}
	}
	for d, want := range map[time.Duration]string{
		3 * time.Minute: "3 minutos", time.Minute: "un minuto", 15 * time.Minute: "15 minutos", time.Hour: "una hora",
		61 * time.Minute: "61 minutos", 12 * time.Hour: "12 horas", 240 * time.Hour: "10 días", 0: "un minuto", 90 * time.Second: "2 minutos",
	} {
		if got, err := p.post["es-EC"].c.span(d); err != nil || got != want {
			t.Errorf("%v: got %q, %v, want %q", d, got, err, want)
		}
	}
}

func FuzzT26_Tame(f *testing.F) {
	f.Add("María Fernanda", 60)
	f.Add("a.bc.de", 60)
	f.Add("http://evil.example", 3)
	f.Add("x。y\r\n\u202e", 10)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 || n > 1000 {
			return
		}
		got := tame(s, n)
		if len([]rune(got)) > n || strings.ContainsAny(got, "\r\n\t/\\@:<>") || mailHosts.MatchString(got) {
			t.Errorf("got %q", got)
		}
	})
}

// Of a changed address both are told: which of the two this is, and what to do where it was nobody's wish.
func TestContactChangedIsComplete(t *testing.T) {
	p := parsed(t)
	for former, want := range map[bool]string{false: "Desde ahora le escribimos a este correo.", true: "a otro correo y ya no a este."} {
		got := send(t, p, "es-EC", Minted(MailContactChanged{Name: "Rosa", When: sampleTime(), Former: former}, Links{Disavow: testIssuer + "/enlace/EJEMPLO-NO-FUI-YO"}))
		for _, want := range []string{want, "Cuándo: 22 de noviembre de 2026, 11:05", "SI USTED NO LO PIDIÓ", "/enlace/EJEMPLO-NO-FUI-YO", "diez días"} {
			if !strings.Contains(got.text, want) {
				t.Errorf("former %v: it does not say %q:\n%s", former, want, got.text)
			}
		}
	}
}
