package templates

import (
	"net/http"
	"time"
)

// recoverStates are the wizard, in its order.
func recoverStates(l Layout) []State {
	g, ok, when := sampleGoal(), http.StatusOK, sampleTime()
	posed := sampleChallenge("")
	all := []State{
		{"recoverstart", ok, RecoverStart{Layout: l, Challenge: posed}},
		{"recoverstart-request", ok, RecoverStart{Layout: l, Goal: g, Challenge: posed}},
		{"recoverstart-code", ok, RecoverStart{Layout: l, Code: true, Challenge: posed}},
		{"recoverstart-empty", ok, RecoverStart{
			Layout: l, Challenge: sampleChallenge(ChallengeMissing), Faults: []Fault{IdentificacionEmpty, ChallengeMissing},
		}},
		{"recoverstart-malformed", ok, RecoverStart{Layout: l, Identificacion: "1359999918", Challenge: posed, Faults: []Fault{IdentificacionMalformed}}},
		{"recoverstart-stale", ok, RecoverStart{Layout: l, Identificacion: "1359999917", Challenge: posed, Stale: true}},
		{"recoverstart-ended", ok, RecoverStart{Layout: l, Challenge: posed, Ended: true}},
		{"recoverfailed", ok, RecoverFailed{Layout: l}},
		{"recoverfailed-request", ok, RecoverFailed{Layout: l, Goal: g, Attempts: 3, Open: true}},
		{"recoverdone", ok, RecoverDone{Layout: l, When: when}},
		{"recoverdone-application", ok, RecoverDone{Layout: l, When: when, Application: &sampleApplications()[1]}},
		{"recoverdone-first", ok, RecoverDone{Layout: l, First: true, Application: &sampleApplications()[1]}},
	}
	all = append(all, questionStates(l, g)...)
	all = append(all, contactStates(l, g)...)
	return append(all, claveStates(l)...)
}

// questionStates are step 2, and the questions for whom opens the link elsewhere.
func questionStates(l Layout, g *Goal) []State {
	when := sampleTime()
	page := RecoverQuestions{
		Layout: l, Case: "EJEMPLO", Until: when.Add(40 * time.Minute), Remaining: 40 * time.Minute, Left: 5,
		History: sampleQuiz(), Personal: [2]string{"apodo", "tienda"},
	}
	elsewhere := RecoverElsewhere{
		Layout: l, Until: when.Add(12 * time.Minute), Remaining: 12 * time.Minute, Personal: "apodo", History: sampleQuiz()[0],
	}
	typed := RecoverAnswers{Day: "29", Month: "2", History: [2]string{"1", "5"}, Personal: [2]string{"Chispa", ""}}
	var all []State
	vary := func(name string, change func(*RecoverQuestions)) {
		p := page
		change(&p)
		all = append(all, State{"recoverquestions" + name, statusOf(p.Busy || p.Unavailable), p})
	}
	also := func(name string, change func(*RecoverElsewhere)) {
		p := elsewhere
		change(&p)
		all = append(all, State{"recoverelsewhere" + name, statusOf(p.Busy || p.Unavailable), p})
	}
	vary("", func(*RecoverQuestions) {})
	vary("-request", func(p *RecoverQuestions) { p.Goal = g })
	vary("-other", func(p *RecoverQuestions) {
		p.History, p.Until, p.Remaining, p.Left = otherQuiz(), time.Time{}, 0, 0
	})
	vary("-time", func(p *RecoverQuestions) { p.History, p.Remaining = timeQuiz(QuizEntry, QuizGap), time.Minute })
	vary("-time-left", func(p *RecoverQuestions) { p.History = timeQuiz(QuizExit, QuizGap) })
	vary("-wrong", func(p *RecoverQuestions) { p.Typed, p.Wrong, p.Left = typed, true, 4 })
	vary("-wrong-last", func(p *RecoverQuestions) { p.Typed, p.Wrong, p.Left = typed, true, 1 })
	vary("-empty", func(p *RecoverQuestions) {
		p.Faults = []Fault{DiaEmpty, MesEmpty, Historia1Empty, Historia2Empty}
	})
	vary("-impossible", func(p *RecoverQuestions) {
		p.Typed, p.Faults = typed, []Fault{FechaImpossible}
		p.Typed.Day = "31"
	})
	vary("-stale", func(p *RecoverQuestions) { p.Typed, p.Stale = typed, true })
	vary("-busy", func(p *RecoverQuestions) { p.Typed, p.Busy, p.Retry = typed, true, 2*time.Second })
	vary("-unavailable", func(p *RecoverQuestions) { p.Typed, p.Unavailable, p.Retry = typed, true, time.Minute })
	also("", func(*RecoverElsewhere) {})
	also("-history", func(p *RecoverElsewhere) { p.Personal = "" })
	also("-empty", func(p *RecoverElsewhere) { p.Faults = []Fault{DiaEmpty, MesEmpty, Personal1Empty} })
	also("-history-empty", func(p *RecoverElsewhere) {
		p.Personal, p.Typed, p.Faults = "", typed, []Fault{FechaImpossible, Historia1Empty}
	})
	also("-wrong", func(p *RecoverElsewhere) { p.Typed, p.Wrong, p.Left = typed, true, 2 })
	also("-unavailable", func(p *RecoverElsewhere) { p.Unavailable, p.Retry = true, time.Minute })
	return all
}

// contactStates are step 3, what is told after it, and the links of a changed address.
func contactStates(l Layout, g *Goal) []State {
	ok, when := http.StatusOK, sampleTime()
	ready := when.Add(72 * time.Hour)
	data := RecoverData{
		Layout: l, Case: "EJEMPLO", Until: when.Add(30 * time.Minute), Remaining: 30 * time.Minute, Wait: 72 * time.Hour,
		Name: "M••••• Q••••••", Identificacion: "17•••••913", Email: "m•••e@c…", Mobile: "••• ••• 4567", Landline: "•• ••• 5678",
	}
	bare, typed := data, data
	bare.Mobile, bare.Landline = "", ""
	typed.Correo, typed.Celular, typed.Convencional = "maria@correo", "0991", "2"
	typed.Faults = []Fault{CorreoMalformed, CelularMalformed, LandlineMalformed}
	one, missing, stale := data, bare, data
	one.Goal, one.Landline, one.More = g, "", []string{"m•••2@c…"}
	missing.Faults = []Fault{TelefonoMissing}
	stale.Celular, stale.Stale = "099 123 4567", true
	foreign := RecoverData{Layout: l, Case: "EJEMPLO", Code: true, Identificacion: "EXT-•••711", Email: data.Email}
	sent := RecoverSent{Layout: l, Case: "EJEMPLO", Asked: when, Life: 15 * time.Minute, Limit: 3, Window: 15 * time.Minute}
	again, limited, held, changed, plain := sent, sent, sent, sent, sent
	again.Goal, again.Again = g, true
	limited.Again, limited.Next = true, when.Add(10*time.Minute)
	held.Leaves = when.Add(30 * time.Minute)
	changed.Changed, changed.Ready, changed.Wait = true, ready, 72*time.Hour
	plain.Goal, plain.Changed = g, true
	spent, capped := limited, data
	spent.Spent = true
	capped.Correo, capped.Faults = "maria.nueva@example.ec", []Fault{CorreoLimit}
	link := ContactLink{Layout: l, Step: ContactConfirm, Address: "m•••a@n…", Asked: when, Ready: ready, Challenge: sampleChallenge("")}
	all := []State{
		{"recoverdata", ok, data},
		{"recoverdata-one", ok, one},
		{"recoverdata-none", ok, bare},
		{"recoverdata-faults", ok, typed},
		{"recoverdata-missing", ok, missing},
		{"recoverdata-limit", ok, capped},
		{"recoverdata-stale", ok, stale},
		{"recoverdata-code", ok, foreign},
		{"recoversent", ok, sent},
		{"recoversent-again", ok, again},
		{"recoversent-limited", ok, limited},
		{"recoversent-spent", ok, spent},
		{"recoversent-held", ok, held},
		{"recoversent-changed", ok, changed},
		{"recoversent-changed-plain", ok, plain},
		{"contactlink", ok, link},
	}
	for _, step := range []ContactStep{ContactApprove, ContactConfirmed, ContactApproved, ContactCancelled} {
		link.Step = step
		all = append(all, State{"contactlink-" + string(step), ok, link})
	}
	link.Step, link.Challenge, link.Faults = ContactApprove, sampleChallenge(ChallengeMissing), []Fault{ChallengeMissing}
	return append(all,
		State{"contactlink-unticked", ok, link},
		State{"contactlink-bare", ok, ContactLink{Layout: l, Step: ContactConfirm}},
		State{"contactlink-applied", ok, ContactLink{Layout: l, Step: ContactConfirmed, Applied: true, Address: link.Address, Asked: when}},
		State{"linkexpired-contact", ok, LinkExpired{Layout: l, Purpose: LinkToContact, Ended: when}},
		State{"linkexpired-contact-used", ok, LinkExpired{Layout: l, Purpose: LinkToContact, State: LinkUsed}},
		State{"linkexpired-contact-replaced", ok, LinkExpired{Layout: l, Purpose: LinkToContact, State: LinkReplaced}},
	)
}

// claveStates are the page behind the link, and the links that lead there no more.
func claveStates(l Layout) []State {
	ok, when := http.StatusOK, sampleTime()
	page := RecoverClave{
		Layout: l, Opened: "EJEMPLO", Until: when.Add(15 * time.Minute), Remaining: 15 * time.Minute,
		Rules: Rules{Min: 8, Max: 64, History: 5, Waiver: 15},
	}
	var all []State
	vary := func(name string, change func(*RecoverClave)) {
		p := page
		change(&p)
		all = append(all, State{"recoverclave" + name, statusOf(p.Busy || p.Unavailable), p})
	}
	vary("", func(*RecoverClave) {})
	vary("-application", func(p *RecoverClave) { p.Application = &sampleApplications()[1] })
	vary("-faults", func(p *RecoverClave) {
		p.Faults = []Fault{DeclarationMissing, NuevaShort, NuevaNoDigit, ConfirmationOther}
	})
	vary("-stale", func(p *RecoverClave) { p.Declared, p.Stale = true, true })
	vary("-busy", func(p *RecoverClave) { p.Declared, p.Busy, p.Retry = true, true, 2*time.Second })
	vary("-enrol", func(p *RecoverClave) { p.First, p.Enrol = true, true })
	vary("-enrol-empty", func(p *RecoverClave) {
		p.First, p.Enrol = true, true
		p.Faults = []Fault{
			DeclarationMissing, Pregunta1Empty, Respuesta1Empty, Pregunta2Empty, Respuesta2Empty, NuevaEmpty, ConfirmationEmpty,
		}
	})
	vary("-enrol-faults", func(p *RecoverClave) {
		p.Enrol, p.Declared, p.Chosen, p.Answers = true, true, [2]string{"apodo", "apodo"}, [2]string{"yo", "mama"}
		p.Faults = []Fault{Respuesta1Short, PreguntaSame, Respuesta2Common}
	})
	expired := LinkExpired{Layout: l, Purpose: LinkToGenerate, Ended: when, Resend: true, Case: "EJEMPLO"}
	all = append(all, State{"linkexpired-generate", ok, expired})
	for _, s := range []LinkState{LinkLate, LinkUsed, LinkReplaced, LinkSpent, LinkUnknown} {
		expired.State, expired.Resend = s, s != LinkUnknown && s != LinkUsed
		all = append(all, State{"linkexpired-generate-" + string(s), ok, expired})
	}
	return append(all,
		State{"linkexpired-generate-plain", ok, LinkExpired{Layout: l, Purpose: LinkToGenerate}},
		State{"declaracion", ok, Declaracion{Layout: l}},
	)
}

// statusOf is the status of a page that may have tried nothing.
func statusOf(untried bool) int {
	if untried {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func sampleQuiz() [2]QuizQuestion {
	return [2]QuizQuestion{
		{Field: QuizEmployer, Year: 2026, Month: 6, Options: []QuizOption{
			{Text: "Comercial Hermanos Andrade Cía. Ltda."},
			{Text: "Distribuidora Los Andes"},
			{Text: "Ferretería El Constructor"},
			{Text: "Panificadora La Espiga S.A."},
			{Text: "Textiles Río Blanco"},
			{None: true},
		}},
		{Field: QuizSalary, Year: 2026, Month: 6, Options: []QuizOption{
			{To: 26999}, {From: 27000, To: 35999}, {From: 48000, To: 63999}, {From: 85000, To: 114999}, {From: 480000}, {None: true},
		}},
	}
}

func otherQuiz() [2]QuizQuestion {
	return [2]QuizQuestion{
		{Field: QuizProvince, Options: []QuizOption{
			{Text: "Azuay"}, {Text: "Chimborazo"}, {Text: "Guayas"}, {Text: "Manabí"}, {Text: "Santo Domingo de los Tsáchilas"}, {None: true},
		}},
		{Field: QuizEmployers, Options: []QuizOption{{Year: 2011}, {Year: 2014}, {Year: 2015}, {Year: 2018}, {Year: 2021}, {None: true}}},
	}
}

// timeQuiz asks two of the fields whose options are quarters.
func timeQuiz(first, second QuizField) [2]QuizQuestion {
	times := []QuizOption{
		{Year: 2016, Quarter: 1}, {Year: 2016, Quarter: 3}, {Year: 2017, Quarter: 2}, {Year: 2018, Quarter: 4}, {Year: 2019, Quarter: 1}, {None: true},
	}
	return [2]QuizQuestion{{Field: first, Year: 2026, Month: 6, Options: times}, {Field: second, Year: 2026, Month: 6, Options: times}}
}
