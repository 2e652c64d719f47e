package clave

import (
	"context"
	"slices"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// isFactor reports whether an errand of that kind tells what became of a factor.
func isFactor(kind string) bool {
	return slices.Contains(templates.FactorKinds(), templates.FactorKind(kind))
}

// factor is such a notice as a mail.
func (j *job) factor() templates.Mail {
	return templates.MailFactor{
		Kind: templates.FactorKind(j.errand.Kind), Name: j.afiliado.GivenName, When: j.notice.When,
		Network: j.notice.Network, Device: j.notice.Device, Made: j.notice.Made, Until: j.notice.Ends,
	}
}

// disavowedBefore is how long before the first notice with a "No fui yo" whatever
// was added to prove who its person is may be an intruder's.
const disavowedBefore = 72 * time.Hour

// foothold is since when passkeys, authenticator applications and recovery codes
// end with a link of "No fui yo": what she has used for longer is hers, and she
// needs it for a new clave (DEV-7).
func foothold(link *storage.Link) time.Time { return link.CreatedAt.Add(-disavowedBefore) }

// disavowFactors ends what somebody else may have added since then in order to come
// back, and lets go on what he may have wanted to end; it returns what the audit
// says of it.
func (s *Server) disavowFactors(ctx context.Context, tx *storage.Tx, v *login.Visit, afiliadoID string, since time.Time) (map[string]string, error) {
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
	return ended.Detail(), login.WaiveRenewal(ctx, tx, s.Renewal, afiliadoID, v.Now)
}

// factorCauses are the audit events that notices of factors tell of.
func factorCauses() map[string]string {
	out := map[string]string{}
	for _, kind := range templates.FactorKinds() {
		out[string(kind)] = login.FactorEvent(kind)
	}
	return out
}
