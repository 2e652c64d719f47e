package contact

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// applyBatch is how many changes are looked up at once.
const applyBatch = 100

// Apply makes every changed address that is due at now the one on file.
// One that fails does not hold the others up.
func (s *Server) Apply(ctx context.Context, now time.Time) error {
	due, err := s.DB.DueContactChanges(ctx, now, applyBatch)
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range due {
		if err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return s.apply(ctx, tx, c, now) }); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// warned reports whether the address on file was told of c: no address takes its
// place behind its back (D18, T05). Where it never will be, c is cancelled.
func (s *Server) warned(ctx context.Context, tx *storage.Tx, c storage.ContactChange, now time.Time) (bool, error) {
	state, err := tx.LinkMessageState(ctx, c.AfiliadoID, templates.MailContactOld{}.Template(), c.ID)
	if err != nil || state == storage.MessageSent || state == storage.MessagePending {
		return state == storage.MessageSent, err
	}
	open, err := Open(ctx, tx, c.AfiliadoID)
	if err != nil || open == nil || open.ID != c.ID {
		return false, err
	}
	if _, err := tx.CancelContactChanges(ctx, c.AfiliadoID, now); err != nil {
		return false, err
	}
	return false, tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventUnwarned, AfiliadoID: c.AfiliadoID, Actor: "system", Detail: map[string]string{"message": state},
	})
}

// apply makes c's address the one on file if that is due and the one before has
// been told of it.
func (s *Server) apply(ctx context.Context, tx *storage.Tx, c storage.ContactChange, now time.Time) error {
	before, err := tx.LockAfiliado(ctx, c.AfiliadoID)
	if err != nil {
		return err
	}
	if told, err := s.warned(ctx, tx, c, now); err != nil || !told {
		return err
	}
	_, err = s.settle(ctx, tx, before, c, now)
	return err
}

// settle makes c's address the one on file of before, whose row is held, if that is
// due, and tells the former, the new one and every other of hers. It reports whether
// it did.
func (s *Server) settle(ctx context.Context, tx *storage.Tx, before *storage.Afiliado, c storage.ContactChange, now time.Time) (bool, error) {
	if done, err := tx.ApplyContactChange(ctx, c, now); err != nil || !done {
		return false, err
	}
	err := tx.Audit(ctx, storage.Event{At: storage.At(now), Name: eventApplied, AfiliadoID: c.AfiliadoID, Actor: "afiliado"})
	if err != nil {
		return false, err
	}
	after := *before
	after.Email = c.Email
	mailboxes, err := tx.Mailboxes(ctx, &after)
	if err != nil {
		return false, err
	}
	link, err := tx.ShareLink(ctx, login.DisavowLink(c.AfiliadoID, now))
	if err != nil {
		return false, err
	}
	kept := slices.ContainsFunc(mailboxes, func(address string) bool { return strings.EqualFold(address, before.Email) })
	if _, err := storage.ParseEmail(before.Email); err == nil && !kept {
		mailboxes = append([]string{before.Email}, mailboxes...)
	}
	for _, address := range mailboxes {
		m := templates.MailContactApplied{
			Name: before.GivenName, When: now, Account: kept,
			Former: !kept && strings.EqualFold(address, before.Email), Other: address != c.Email,
		}
		m.Other = m.Other && !m.Former
		if err := login.Enqueue(ctx, tx, message(before, address, storage.PriorityNotice, link, now), m); err != nil {
			return false, err
		}
	}
	return true, nil
}
