package main

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// onTheClock walks the journeys on which the clock of the world is set ahead, with
// the pages' script and without. They share a world that is nobody else's. Those
// of a stage go on at the same time where each sets it ahead by seconds alone.
func onTheClock(t *testing.T, w *world, c *chromium, l *looks) {
	t.Helper()
	for _, stage := range []struct {
		name     string
		together bool
		journeys map[string]func(*suite, *testing.T)
		with     ways
	}{
		{"hours", false, map[string]func(*suite, *testing.T){"stale form": (*suite).staleForm}, both}, // it sets the clock back: first of all
		{"seconds", true, map[string]func(*suite, *testing.T){
			"change and disavow":         (*suite).changeAndDisavow,
			"unlock in the same browser": (*suite).unlockHere,
			"unlock in another browser":  (*suite).unlockElsewhere,
			"unlock by typed code":       (*suite).unlockByCode,
		}, both},
		{"whoever asks", true, map[string]func(*suite, *testing.T){"unlock is told to nobody": (*suite).unlockAlike}, both},
		{"minutes", false, map[string]func(*suite, *testing.T){
			"three minutes":                  (*suite).threeMinutes,
			"fifteen minutes":                (*suite).fifteenMinutes,
			"a new clave is promised nobody": (*suite).recoverAlike,
		}, both},
		{"session", false, map[string]func(*suite, *testing.T){"countdown": (*suite).countdown, "lost device": (*suite).lostDevice}, scripted},
		{"days", false, map[string]func(*suite, *testing.T){"another address": (*suite).anotherAddress}, both},
	} {
		t.Run(stage.name, func(t *testing.T) {
			for name, journey := range stage.journeys {
				for _, script := range []bool{true, false} {
					if !stage.with.has(script) {
						continue
					}
					t.Run(map[bool]string{true: "script", false: "plain"}[script]+"/"+name, func(t *testing.T) {
						if stage.together {
							t.Parallel()
						}
						journey(&suite{world: w, chromium: c, looks: l, script: script}, t)
					})
				}
			}
		})
	}
}

// Somebody of each journey's own, beyond the generated people. Without script they
// are others than with it.
const (
	forHere = iota
	forElsewhere
	forCode
	forMinutes
	forAlike
	forAssisted
	forChange
	forStale
	forWindow
	forWrong
	forAddress
	forKey
	forCopies
	forLost
	forAccount
	forKeyboard
	forCountdown
	forProofs
	roles
)

// newcomer adds somebody with a clave that is locked, a mailbox and a fingerprint,
// or as change makes her.
func (s *suite) newcomer(t *testing.T, role int, change func(*person)) person {
	t.Helper()
	if !s.script {
		role += roles
	}
	id := generated(spares + role)
	p := person{
		identifier: id, given: "Elena", family: "Paredes Prueba", birthdate: "1956-04-12", email: "elena" + string(id) + "@correo.example",
		kinds: []string{"pensionista"}, finger: true, clave: commonClave, claveAge: 30 * day, locked: true,
	}
	if change != nil {
		change(&p)
	}
	hash, err := login.NewHasher(login.HashConfig{Memory: 64, Passes: 1})
	if err != nil {
		t.Fatal(err)
	}
	seed := seeder{db: s.db(), hash: hash, renewal: login.DefaultRenewal(), now: s.clock.now()}
	if err := seed.people(t.Context(), []person{p}); err != nil {
		t.Fatal(err)
	}
	return p
}

// known is the person of the contract with script, and another without.
func (s *suite) known(t *testing.T, cedula string, role int, change func(*person)) person {
	t.Helper()
	for _, p := range people() {
		if s.script && string(p.identifier) == cedula {
			return p
		}
	}
	return s.newcomer(t, role, change)
}

// tick ticks "No soy un robot" and waits for what the box takes.
func (s *suite) tick(b *tab) {
	b.t.Helper()
	if s.script {
		b.wait(widgetReady)
	}
	b.click("#reto")
	s.ticked(b)
}

// ticked waits until a ticked box counts: until the work is done or, without
// script, as long as the page says.
func (s *suite) ticked(b *tab) {
	b.t.Helper()
	if s.script {
		b.wait(widgetSolved)
		return
	}
	said := regexp.MustCompile(`Espere (\d+) segundos`).FindStringSubmatch(b.prop("[data-reto] noscript", "textContent"))
	if said == nil {
		b.t.Fatalf("the page does not say how long to wait\n%s", b.where())
	}
	seconds, err := strconv.Atoi(said[1])
	if err != nil {
		b.t.Fatal(err)
	}
	s.clock.pass(time.Duration(seconds) * time.Second)
}

// tickIfAsked is tick where the page has the box, as it may have under pressure.
func (s *suite) tickIfAsked(b *tab) {
	b.t.Helper()
	if b.has("[data-reto]") {
		s.tick(b)
	}
}

// asks fills in /desbloqueo and comes to the answer that everybody gets.
func (s *suite) asks(b *tab, id storage.Identifier) {
	b.t.Helper()
	b.open(s.issuer + "/desbloqueo")
	b.fill("identificacion", string(id))
	s.tick(b)
	b.press("desbloquear")
	b.at(s.issuer, "/desbloqueo/enviado")
}

// linkFor is the link in the nth mail for somebody who wants to unlock, and the code.
func (s *suite) linkFor(t *testing.T, p person, nth int) (string, string) {
	t.Helper()
	message := s.mailed(t, p.email, templates.MailUnlockLink{}, nth)
	return linkIn(t, message, 1), regexp.MustCompile(`\b\d{4} \d{4}\b`).FindString(message.Text())
}

// delivered is when the mail server took the live link of somebody.
func (s *suite) delivered(t *testing.T, p person, purpose string) time.Time {
	t.Helper()
	a, err := s.db().AfiliadoByIdentifier(t.Context(), p.identifier)
	if err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C { // the mailbox has it before the provider knows
		link, err := s.db().LiveLink(t.Context(), purpose, a.ID, s.clock.now())
		if err != nil {
			t.Fatal(err)
		}
		if !link.DeliveredAt.IsZero() {
			tick.Stop()
			return link.DeliveredAt.Time
		}
	}
}

// enters signs somebody in without an application, or fails the test.
func (s *suite) enters(b *tab, id storage.Identifier, clave string) {
	b.t.Helper()
	b.open(s.issuer + "/ingresar")
	b.withCode(id)
	b.signIn(string(id), clave)
	b.at(s.issuer, "/cuenta")
	if !b.has("header [name=salir]") {
		b.t.Errorf("not signed in\n%s", b.where())
	}
}

// pressMail opens a message in the whole window and presses its first button.
func (b *tab) pressMail(message *rptest.Page) {
	b.t.Helper()
	b.open(message.URL.String() + "/html")
	b.lead(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
}

// enterOn presses what has that id by keyboard.
func (b *tab) enterOn(id string) {
	b.t.Helper()
	b.tabTo(id)
	b.lead(chromedp.KeyEvent(kb.Enter))
}
