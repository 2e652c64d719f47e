package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/storage"
)

// seeder fills the demo's database. What is there already stays as it is.
type seeder struct {
	db      *storage.DB
	hash    *login.Hasher
	renewal login.Renewal
	now     time.Time
}

// people adds whoever of ps is not on file, with clave, state and work history.
func (s seeder) people(ctx context.Context, ps []person) error {
	var added []person
	for _, p := range ps {
		_, err := s.db.AfiliadoByIdentifier(ctx, p.identifier)
		if err == nil {
			continue
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if err := s.person(ctx, p); err != nil {
			return fmt.Errorf("demo: %v: %w", p.identifier, err)
		}
		added = append(added, p)
	}
	if len(added) == 0 {
		return nil
	}
	report, err := s.db.ImportHistoria(ctx, historiaCSV(added, s.now), storage.ImportOptions{
		Identifier: login.ParseIdentifier, Now: func() time.Time { return s.now }, Actor: "system",
		Refused: func(r storage.Refusal) error { return fmt.Errorf("demo: work history, line %d: %s", r.Line, r.Reason) },
	})
	if err == nil && report.Refused > 0 {
		err = errors.New("demo: the work history has lines that were refused")
	}
	return err
}

func (s seeder) person(ctx context.Context, p person) error {
	a, err := p.afiliado(s.now)
	if err != nil {
		return err
	}
	var c *storage.Clave
	if p.clave != "" {
		phc, err := s.hash.Make(ctx, p.clave)
		if err != nil {
			return err
		}
		set := s.now.Add(-p.claveAge)
		c = &storage.Clave{
			AfiliadoID: a.ID, PHC: phc, Long: login.Long(p.clave), CreatedAt: storage.At(set),
			DueAt: storage.At(s.renewal.DueAt(set, p.clave, storage.Holder{AfiliadoID: a.ID})),
		}
	}
	var answers []storage.Answer
	for _, given := range p.answers {
		phc, err := s.hash.Make(ctx, personal.Fold(given.text))
		if err != nil {
			return err
		}
		answers = append(answers, storage.Answer{Question: given.question, PHC: phc, CreatedAt: storage.At(s.now)})
	}
	return s.db.InTx(ctx, func(tx *storage.Tx) error {
		if err := tx.AddAfiliado(ctx, a); err != nil {
			return err
		}
		if c != nil {
			if err := tx.SetClave(ctx, *c, 1); err != nil {
				return err
			}
		}
		if len(answers) > 0 {
			if err := tx.SetAnswers(ctx, a.ID, answers); err != nil {
				return err
			}
		}
		if p.locked {
			if _, err := tx.LockClave(ctx, s.db.IdentifierMAC(a.Identifier), storage.LockLogin, s.now); err != nil {
				return err
			}
		}
		if p.disabled != "" {
			return tx.DisableAfiliado(ctx, a.ID, p.disabled, s.now)
		}
		return nil
	})
}

// afiliado is p as storage keeps her, checked by the same parsers as an import.
func (p person) afiliado(now time.Time) (storage.Afiliado, error) {
	a := storage.Afiliado{
		ID: storage.NewID(), GivenName: p.given, FamilyName: p.family, Birthdate: p.birthdate, Kinds: p.kinds, Estado: "activa",
		Fingerprint: p.finger, EmailVerified: p.email != "", PhoneVerified: p.mobile != "",
		CreatedAt: storage.At(now), UpdatedAt: storage.At(now),
	}
	var err error
	if a.Identifier, a.IdentifierType, err = login.ParseIdentifier(string(p.identifier)); err != nil {
		return a, err
	}
	for _, c := range []struct {
		text  string
		to    *string
		parse func(string) (string, error)
	}{
		{p.email, &a.Email, storage.ParseEmail},
		{p.mobile, &a.Mobile, storage.ParseMobile},
		{p.landline, &a.Landline, storage.ParseLandline},
	} {
		if c.text == "" {
			continue
		}
		if *c.to, err = c.parse(c.text); err != nil {
			return a, err
		}
	}
	return a, nil
}
