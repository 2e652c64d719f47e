package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"iess.gob.ec/clave/cmd/demo/mailbox"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// directory is everybody in ps for the mailbox's page: what the table says, and
// the state in which each is by now.
func (d *demo) directory(ctx context.Context, ps []person) ([]mailbox.Person, error) {
	now := d.now()
	var out []mailbox.Person
	for _, p := range ps {
		a, err := d.server.DB().AfiliadoByIdentifier(ctx, p.identifier)
		if err != nil {
			return nil, err
		}
		state, changed, err := d.state(ctx, a, now)
		if err != nil {
			return nil, err
		}
		enrolled, err := d.server.DB().Answers(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		m := mailbox.Person{
			Identifier: string(p.identifier), Name: a.Name(), Email: a.Email, State: state,
			Facts: append(p.facts(changed), d.questions(p, a, enrolled)...), Jobs: p.history(a.CreatedAt.Time),
		}
		for _, t := range p.tries {
			if t.path != "" {
				t.path = d.issuer + t.path
			}
			m.Tries = append(m.Tries, mailbox.Try{Text: t.text, Label: t.label, URL: t.path})
		}
		out = append(out, m)
	}
	return out, nil
}

// state says how a's clave and account are at now, and whether the clave is
// another than the one of the table.
func (d *demo) state(ctx context.Context, a *storage.Afiliado, now time.Time) (string, bool, error) {
	db := d.server.DB()
	c, err := db.Clave(ctx, a.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", false, err
	}
	budget, err := db.LoginBudget(ctx, db.IdentifierMAC(a.Identifier))
	if err != nil {
		return "", false, err
	}
	changed := c != nil && c.CreatedAt.After(a.CreatedAt.Time)
	switch {
	case a.Disabled():
		return "Cuenta deshabilitada por un funcionario", changed, nil
	case budget.LockReason == storage.LockCompromiso:
		return "Clave bloqueada porque alguien más la conoce", changed, nil
	case budget.LockReason != "":
		return "Clave bloqueada", changed, nil
	case c == nil:
		return "Nunca tuvo clave", changed, nil
	case c.Compromised:
		return "Clave activa: debe renovarse al ingresar", changed, nil
	case c.DueAt.Past(now):
		return "Clave vencida: debe renovarse al ingresar", changed, nil
	default:
		return "Clave activa", changed, nil
	}
}

// facts are what the table says of p; changed: the clave is another by now.
func (p person) facts(changed bool) []mailbox.Fact {
	clave := p.clave
	switch {
	case changed && clave == "":
		clave = "Ninguna al empezar; después puso una"
	case changed:
		clave += " al empezar; después se cambió"
	case clave == "":
		clave = "No tiene"
	}
	finger := "No registra"
	if p.finger {
		finger = "Registrada en un CAU: puede desbloquear por correo"
	}
	all := []mailbox.Fact{
		{Label: "Clave", Value: clave},
		{Label: "Nacimiento", Value: spanishDate(p.birthdate)},
		{Label: "Tipo de asegurado", Value: strings.Join(p.kinds, " y ")},
		{Label: "Huella", Value: finger},
		{Label: "Celular", Value: orNone(p.mobile)},
		{Label: "Teléfono convencional", Value: orNone(p.landline)},
	}
	if p.disabled != "" {
		all = append(all, mailbox.Fact{Label: "Motivo de la deshabilitación", Value: p.disabled})
	}
	return all
}

// questions are the personal questions of p, on file as a, and what to answer.
func (d *demo) questions(p person, a *storage.Afiliado, enrolled []storage.Answer) []mailbox.Fact {
	if len(enrolled) == 0 {
		return []mailbox.Fact{{Label: "Preguntas personales", Value: "No las ha elegido: déjelas en blanco"}}
	}
	var out []mailbox.Fact
	for i, e := range enrolled {
		text := "Lo que usted respondió al crear la clave"
		if !e.CreatedAt.After(a.CreatedAt.Time) && i < len(p.answers) {
			text = p.answers[i].text
		}
		out = append(out, mailbox.Fact{Label: d.pages.PersonalQuestion(templates.Languages()[0], e.Question), Value: text})
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "No registra"
	}
	return s
}

// history is p's work history as it was seeded at that time.
func (p person) history(seeded time.Time) []mailbox.Job {
	var out []mailbox.Job
	first := time.Date(seeded.Year(), seeded.Month(), 1, 0, 0, 0, 0, time.UTC)
	for _, e := range p.jobs {
		from, to := first.AddDate(0, -e.from, 0), first.AddDate(0, e.months-1-e.from, 0)
		out = append(out, mailbox.Job{
			Employer: e.employer,
			When:     "De " + mailbox.Month(from) + " a " + mailbox.Month(to) + ", " + strconv.Itoa(e.months) + " aportes",
			More: "RUC " + e.ruc + ", " + e.province + ", " + strings.ToLower(e.sector) + ", sueldo de USD " +
				strconv.FormatInt(e.cents/100, 10) + "," + strconv.FormatInt(100+e.cents%100, 10)[1:],
		})
	}
	return out
}

// spanishDate is a YYYY-MM-DD in words.
func spanishDate(s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return s
	}
	return strconv.Itoa(t.Day()) + " de " + mailbox.Month(t)
}
