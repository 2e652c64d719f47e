package templates

import (
	"net/http"
	"time"
)

// unlockStates are the pages that come with mail: unlock and "No fui yo".
func unlockStates(l Layout) []State {
	g, ok, when := sampleGoal(), http.StatusOK, sampleTime()
	app := &sampleApplications()[1]
	posed := sampleChallenge("")
	sent := MailSent{Layout: l, Goal: g, Asked: when, Life: 3 * time.Minute, Limit: 3, Window: 15 * time.Minute}
	expired := LinkExpired{Layout: l, Purpose: LinkToUnlock, Ended: when, Resend: true}
	code := CodeEntry{Layout: l, Challenge: posed}
	all := []State{
		{"unlock", ok, Unlock{Layout: l, Challenge: posed}},
		{"unlock-request", ok, Unlock{Layout: l, Goal: g, Challenge: posed}},
		{"unlock-code", ok, Unlock{Layout: l, Code: true, Challenge: posed}},
		{"unlock-unchallenged", ok, Unlock{Layout: l}},
		{"unlock-empty", ok, Unlock{
			Layout: l, Challenge: sampleChallenge(ChallengeMissing), Faults: []Fault{IdentificacionEmpty, ChallengeMissing},
		}},
		{"unlock-malformed", ok, Unlock{
			Layout: l, Identificacion: "0159999912", Challenge: posed, Faults: []Fault{IdentificacionMalformed},
		}},
		{"unlock-stale", ok, Unlock{Layout: l, Identificacion: "0159999911", Challenge: posed, Stale: true}},
		{"unlock-expires", ok, Unlock{Layout: l, Challenge: posed, Expires: 24 * time.Hour}},
		{"mailsent", ok, sent},
		{"linkunlock", ok, LinkUnlock{Layout: l, Until: when.Add(3 * time.Minute)}},
		{"linkunlock-elsewhere", ok, LinkUnlock{Layout: l, Elsewhere: true, Until: when.Add(3 * time.Minute)}},
		{"linkunlock-empty", ok, LinkUnlock{Layout: l, Elsewhere: true, Faults: []Fault{UltimosEmpty}}},
		{"linkunlock-wrong", ok, LinkUnlock{
			Layout: l, Elsewhere: true, Until: when.Add(3 * time.Minute), Faults: []Fault{UltimosWrong}, Left: 2,
		}},
		{"linkexpired", ok, expired},
		{"linkexpired-plain", ok, LinkExpired{Layout: l, Purpose: LinkToUnlock}},
		{"codeentry", ok, code},
		{"unlocked", ok, Unlocked{Layout: l, When: when}},
		{"unlocked-application", ok, Unlocked{Layout: l, When: when, Application: app}},
		{"unlocked-bare", ok, Unlocked{Layout: l}},
		{"unlocked-idle", ok, Unlocked{Layout: l, When: when, Idle: true}},
		{"disavow", ok, Disavow{
			Layout: l, Template: MailNewDevice{}.Template(), When: when, Network: "186.46.12.x", Device: "Firefox · Windows",
			Challenge: posed, Since: when.Add(-72 * time.Hour),
		}},
		{"disavow-unticked", ok, Disavow{
			Layout: l, Template: MailClaveChanged{}.Template(), When: when, Challenge: sampleChallenge(ChallengeMissing), Faults: []Fault{ChallengeMissing},
		}},
		{"disavow-bare", ok, Disavow{Layout: l}},
		{"disavowed", ok, Disavowed{Layout: l, When: when, Since: when.Add(-72 * time.Hour), Case: l.RequestID}},
		{"disavowed-bare", ok, Disavowed{Layout: l}},
	}
	again, limited := sent, sent
	again.Goal, again.Again = nil, true
	limited.Again, limited.Next = true, when.Add(10*time.Minute)
	all = append(all, State{"mailsent-again", ok, again}, State{"mailsent-limited", ok, limited})
	for _, s := range []LinkState{LinkUsed, LinkReplaced, LinkSpent, LinkUnknown} {
		expired.State = s
		expired.Resend = s != LinkUnknown && s != LinkUsed
		all = append(all,
			State{"linkexpired-" + string(s), ok, expired},
			State{"linkexpired-disavow-" + string(s), ok, LinkExpired{Layout: l, Purpose: LinkToDisavow, State: s}},
		)
	}
	all = append(all, State{"linkexpired-disavow", ok, LinkExpired{Layout: l, Purpose: LinkToDisavow, Ended: when}})
	for _, f := range []Fault{MensajeEmpty, MensajeMalformed, MensajeWrong} {
		code.Faults = []Fault{f}
		all = append(all, State{"codeentry-" + string(f), ok, code})
	}
	return append(all,
		State{"codeentry-identify", ok, CodeEntry{Layout: l, Identify: true, Code: true, Challenge: posed}},
		State{"codeentry-identify-empty", ok, CodeEntry{
			Layout: l, Identify: true, Challenge: sampleChallenge(ChallengeUsed), Faults: []Fault{IdentificacionEmpty, MensajeEmpty, ChallengeUsed},
		}},
	)
}

// changeStates are /cambio in its steps.
func changeStates(l, in Layout) []State {
	g, ok := sampleGoal(), http.StatusOK
	rules := Rules{Min: 8, Max: 64, History: 5, Waiver: 15}
	prove := Change{Layout: l, Rules: rules}
	fresh := Change{Layout: l, Rules: rules, Step: ChangeNew, Params: []Param{{"formulario", "EJEMPLO"}}}
	session := Change{Layout: in, Rules: rules, Step: ChangeSession}
	var all []State
	vary := func(name string, c Change, change func(*Change)) {
		change(&c)
		status := ok
		if c.Busy {
			status = http.StatusServiceUnavailable
		}
		all = append(all, State{name, status, c})
	}
	vary("change", prove, func(*Change) {})
	vary("change-request", prove, func(c *Change) { c.Goal = g })
	vary("change-code", prove, func(c *Change) { c.Code = true })
	vary("change-denied", prove, func(c *Change) { c.Cedula, c.Denied, c.Agreed = "1759999913", true, true })
	vary("change-advised", prove, func(c *Change) { c.Cedula, c.Denied, c.Advise, c.Agreed = "1759999913", true, true, true })
	vary("change-empty", prove, func(c *Change) {
		c.Faults = []Fault{CedulaEmpty, ActualEmpty, AgreementMissing}
	})
	vary("change-pressed", prove, func(c *Change) {
		c.Cedula, c.Agreed, c.Faults, c.Challenge = "1759999913", true, []Fault{ChallengeMissing}, sampleChallenge(ChallengeMissing)
	})
	vary("change-pressed-early", prove, func(c *Change) { c.Cedula, c.Challenge = "1759999913", earlyChallenge("/cambio") })
	vary("change-malformed", prove, func(c *Change) { c.Cedula, c.Faults = "1759999914", []Fault{CedulaMalformed} })
	vary("change-stale", prove, func(c *Change) { c.Cedula, c.Stale = "1759999913", true })
	vary("change-busy", prove, func(c *Change) { c.Cedula, c.Busy, c.Retry = "1759999913", true, time.Second })
	vary("change-new", fresh, func(*Change) {})
	vary("change-new-faults", fresh, func(c *Change) { c.Keep, c.Faults = true, []Fault{NuevaShort, NuevaNoDigit, ConfirmationOther} })
	vary("change-new-used", fresh, func(c *Change) { c.Goal, c.Faults = g, []Fault{NuevaUsed} })
	vary("change-new-busy", fresh, func(c *Change) { c.Busy, c.Retry = true, time.Second })
	vary("change-session", session, func(*Change) {})
	vary("change-session-swapped", session, func(c *Change) { c.Swapped = true })
	vary("change-session-wrong", session, func(c *Change) { c.Agreed, c.Faults = true, []Fault{ActualWrong} })
	vary("change-session-all", session, func(c *Change) {
		c.Faults = []Fault{ActualEmpty, NuevaEmpty, ConfirmationEmpty, AgreementMissing}
	})
	vary("change-session-pressed", session, func(c *Change) {
		c.Agreed, c.Faults, c.Challenge = true, []Fault{ActualWrong}, sampleChallenge("")
	})
	return append(all,
		State{"changed", ok, Changed{Layout: in, When: sampleTime(), Closed: true, Mailed: true}},
		State{"changed-public", ok, Changed{Layout: l, When: sampleTime(), Mailed: true, Application: &sampleApplications()[1]}},
		State{"changed-bare", ok, Changed{Layout: l}},
	)
}

// sampleChallenge is one whose work no script can read, so that its box stays as it is without script.
func sampleChallenge(f Fault) *Challenge {
	return &Challenge{Work: `{"algorithm":"SHA-256"}`, Ticket: "EJEMPLO", Wait: 5 * time.Second, Fault: f}
}

// earlyChallenge is one whose ticket came too soon on the page at path.
func earlyChallenge(path string) *Challenge {
	return &Challenge{Work: "{}", Ticket: "EJEMPLO", Wait: 40 * time.Second, Fault: ChallengeEarly, Ticked: true, Next: path + "?reto=EJEMPLO"}
}
