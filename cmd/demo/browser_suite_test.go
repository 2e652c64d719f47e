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
		both bool // with script too
	}{
		{"three applications, one login", (*suite).threeApplications, true},
		{"step-up", (*suite).stepUp, true},
		{"step-up out of reach", (*suite).stepUpOutOfReach, false},
		{"logout that asks", (*suite).logoutThatAsks, true},
		{"renewal", (*suite).renewal, true},
		{"refusals look the same", (*suite).refusals, false},
		{"a known device is told", (*suite).knownDevice, false},
		{"cancel", (*suite).cancel, true},
		{"keyboard", (*suite).keyboard, true},
		{"language", (*suite).language, true},
		{"back after login", (*suite).backAfterLogin, true},
		{"two tabs", (*suite).twoTabs, true},
		{"a login form elsewhere", (*suite).loginFromElsewhere, true},
		{"print, forced colours", (*suite).media, false},
		{"pages without a request", (*suite).plainPages, false},
		{"applications alone", (*suite).applicationPages, false},
		{"mailbox", (*suite).mailboxPages, false},
		{"first clave", (*suite).firstClave, true},
		{"forgotten clave", (*suite).recoverHere, true},
		{"forgotten clave, another browser", (*suite).recoverElsewhere, true},
	} {
		if j.both || !s.script {
			t.Run(j.name, func(t *testing.T) { j.run(s, t) })
		}
	}
}

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
