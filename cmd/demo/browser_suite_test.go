package main

import (
	"testing"

	"iess.gob.ec/clave/templates"
)

// suite is what the journeys of one browser share: the demo, on one of the
// databases, and Chromium, with the pages' script or without.
type suite struct {
	*world
	chromium *chromium
	looks    *looks
	script   bool
}

// window opens a browser window in which nobody has been yet.
func (s *suite) window(t *testing.T) *tab {
	t.Helper()
	return s.chromium.tab(t, s.script, s.looks)
}

// journeys are the ways people take. None leaves anything that would change
// another one's: each has its own people. Those on whose pages script does nothing
// of its own are walked without it; TestBrowserStates shows every page with it.
func (s *suite) journeys(t *testing.T) {
	for _, j := range []struct {
		name string
		run  func(*suite, *testing.T)
		with ways
	}{
		{"three applications, one login", (*suite).threeApplications, both},
		{"step-up", (*suite).stepUp, both},
		{"step-up out of reach", (*suite).stepUpOutOfReach, plain},
		{"logout that asks", (*suite).logoutThatAsks, both},
		{"renewal", (*suite).renewal, both},
		{"refusals look the same", (*suite).refusals, plain},
		{"a known device is told", (*suite).knownDevice, plain},
		{"cancel", (*suite).cancel, both},
		{"keyboard", (*suite).keyboard, both},
		{"language", (*suite).language, both},
		{"back after login", (*suite).backAfterLogin, both},
		{"two tabs", (*suite).twoTabs, both},
		{"a login form elsewhere", (*suite).loginFromElsewhere, both},
		{"print, forced colours", (*suite).media, plain},
		{"pages without a request", (*suite).plainPages, plain},
		{"applications alone", (*suite).applicationPages, plain},
		{"mailbox", (*suite).mailboxPages, plain},
		{"first clave", (*suite).firstClave, both},
		{"forgotten clave", (*suite).recoverHere, both},
		{"forgotten clave, another browser", (*suite).recoverElsewhere, both},
		{"passkeys", (*suite).passkeys, scripted},
		{"copies of a passkey", (*suite).copies, scripted},
		{"second proofs", (*suite).secondProofs, scripted},
		{"account", (*suite).accountAlone, plain},
		{"account by keyboard", (*suite).accountKeyboard, scripted},
		{"shared computer", (*suite).sharedComputer, scripted},
	} {
		if j.with.has(s.script) {
			t.Run(j.name, func(t *testing.T) { j.run(s, t) })
		}
	}
}

// ways says with what a journey is walked.
type ways int

const (
	both     ways = iota
	plain         // without the pages' script
	scripted      // with it
)

func (w ways) has(script bool) bool { return w == both || (w == scripted) == script }

// everywhere runs the journeys with the pages' script on the embedded database, at
// the same time without it on PostgreSQL, and those that take time in a third world.
func everywhere(t *testing.T, c *chromium, l *looks) {
	t.Helper()
	logged := newJournal(t)
	for _, s := range []struct {
		name, engine string
		script       bool
	}{{"script", "sqlite", true}, {"plain", "postgres", false}} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // much of a journey is waiting
			(&suite{world: newWorldIn(t, s.engine, logged), chromium: c, looks: l, script: s.script}).journeys(t)
		})
	}
	t.Run("clock", func(t *testing.T) {
		t.Parallel()
		onTheClock(t, newWorldIn(t, "sqlite", logged), c, l)
	})
}

// TestBrowser walks every journey in Chromium. On each page it meets, at 360 and
// 1280 pixels, light and dark, axe-core finds nothing wrong.
func TestBrowser(t *testing.T) {
	t.Parallel()
	everywhere(t, startChromium(t), newLooks(t, ""))
}

// TestBrowserStates holds every page in every state to the same.
func TestBrowserStates(t *testing.T) {
	t.Parallel()
	states(t, startChromium(t), newLooks(t, ""), templates.Languages()[0])
}
