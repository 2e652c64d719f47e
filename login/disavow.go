package login

import (
	"context"
	"net/http"
	"time"

	"iess.gob.ec/clave/storage"
)

// caseLetters are the letters of a case number, which people read out.
const caseLetters = 8

// disavowedBefore is how long before the first thing that she says was not her
// whatever was added to prove who its person is may be an intruder's.
const disavowedBefore = 72 * time.Hour

// Foothold is since when passkeys, authenticator applications and recovery codes
// end with a "No fui yo" about something that happened at that time: what she has
// used for longer is hers, and she needs it for a new clave (DEV-7).
func Foothold(happened time.Time) time.Time { return happened.Add(-disavowedBefore) }

// Disavowal is one "No fui yo".
type Disavowal struct {
	Link  string    // the id of the link that is used for it; the case number begins it
	Entry string    // the audit row that it was said of; "" for a notice
	Since time.Time // what was added since then to prove who she is ends, and further addresses (Foothold)
}

// Disavow does in tx what "No fui yo" says. It closes everything that somebody who
// knows the clave could use: sessions, what applications hold, known devices, and
// the clave itself. The lock is "compromiso", which neither a known device nor a
// link by mail passes: whoever knows the clave must not be the one who sets the
// next, as a mere "to be renewed at login" would allow. Nor does an operator lift
// it. The row of a is held.
func (s *Server) Disavow(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *storage.Afiliado, d Disavowal) error {
	mac := s.DB.IdentifierMAC(a.Identifier)
	if err := tx.EndSessions(ctx, a.ID, "", storage.CauseDisavowed, v.Now); err != nil {
		return err
	}
	if err := tx.DropDevices(ctx, a.ID); err != nil {
		return err
	}
	if err := tx.KillLinks(ctx, a.ID, "", v.Now); err != nil {
		return err
	}
	if _, err := tx.CancelContactChanges(ctx, a.ID, v.Now); err != nil { // T05
		return err
	}
	if _, err := tx.RemoveEmailAddressesSince(ctx, a.ID, d.Since, v.Now); err != nil { // T05
		return err
	}
	if err := tx.EndRecoveries(ctx, mac, v.Now); err != nil { // held before the budgets, as by whoever settles answers
		return err
	}
	e := v.Event(r, EventDisavowed, a.ID)
	var err error
	if e.Detail, err = s.disavowFactors(ctx, tx, v, a.ID, d.Since); err != nil {
		return err
	}
	e.Detail["case"], e.Detail["since"] = d.Link[:min(caseLetters, len(d.Link))], d.Since.UTC().Format(time.RFC3339)
	if d.Entry != "" {
		e.Detail["entry"] = d.Entry
	}
	if err := s.compromise(ctx, tx, v, a, mac); err != nil {
		return err
	}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	return s.Notify(ctx, tx, r, v, NoticeLocked, mac, Notice{Reason: storage.LockCompromiso})
}

// compromise closes the clave to everybody, and applications that know her are
// told, once, that somebody else may have been using the account. An officer's
// lock stays what it is.
func (s *Server) compromise(ctx context.Context, tx *storage.Tx, v *Visit, a *storage.Afiliado, mac []byte) error {
	budget, err := tx.LoginBudget(ctx, mac)
	if err != nil {
		return err
	}
	if budget.LockReason != storage.LockOperador {
		if err := tx.UnlockClave(ctx, mac, storage.LockOperador); err != nil {
			return err
		}
		locked, err := tx.LockClave(ctx, mac, storage.LockCompromiso, v.Now)
		if err != nil {
			return err
		}
		if locked && budget.LockReason != storage.LockCompromiso {
			for _, event := range []string{storage.AccountDisabled, storage.CredentialChange} {
				if err := tx.QueueEvent(ctx, event, storage.CauseDisavowed, a.ID, v.Now); err != nil {
					return err
				}
			}
		}
	}
	return tx.CompromiseClave(ctx, a.ID)
}

// disavowFactors ends what somebody else may have added since then in order to come
// back, and lets go on what he may have wanted to end; it returns what the audit
// says of it.
func (s *Server) disavowFactors(ctx context.Context, tx *storage.Tx, v *Visit, afiliadoID string, since time.Time) (map[string]string, error) {
	ended, err := tx.DisavowFactors(ctx, afiliadoID, since, v.Now)
	if err != nil {
		return nil, err
	}
	if ended.Passkeys > 0 {
		err = tx.QueueEvent(ctx, storage.CredentialChange, storage.CausePasskeyEnded, afiliadoID, v.Now)
	}
	if err == nil && ended.TOTP > 0 {
		err = tx.QueueEvent(ctx, storage.CredentialChange, storage.CauseTOTPEnded, afiliadoID, v.Now)
	}
	if err != nil {
		return nil, err
	}
	return ended.Detail(), WaiveRenewal(ctx, tx, s.Renewal, afiliadoID, v.Now)
}
